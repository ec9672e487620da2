import type { NetworkFlag } from "@org/risk-engine";
import { z } from "zod";
import type { FlowContext } from "./context.js";
import type { FlowLog } from "./flow-log.js";
import { factFrom } from "./given.js";

// The engine reads the flags one by one, and passes over those that it does not know.
const flags = z.array(z.custom<NetworkFlag>(() => true));

/** The lists that hold an address; none where they can't be asked. */
export function flagsOf({ networks }: FlowContext, log: FlowLog, address: string): NetworkFlag[] {
  const given = { part: "networks.flagsOf", shape: flags, otherwise: [] };
  return factFrom(log, given, () => networks.flagsOf(address));
}

/** Whether a list says that the address is suspect; false where they can't be asked. */
export function isSuspect(
  { networks }: FlowContext,
  log: FlowLog,
  address: string | undefined,
  now: Date,
): boolean {
  const given = { part: "networks.isSuspect", shape: z.boolean(), otherwise: false };
  return factFrom(log, given, () => networks.isSuspect(address, now));
}
