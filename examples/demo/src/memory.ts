import { totalmem } from "node:os";
import type { Engine } from "@org/dev-kit";

/** Measured: 1.8 GB at 100,000 sessions, 15.4 GB at a million. */
const neededBytes = (sessions: number) => 0.3e9 + sessions * 15_100;

/**
 * The development engine holds the documents of a collection scan in memory while it explains it. Told at once, rather
 * than by an engine that the system has killed.
 *
 * @throws an error with the code `NOT_ENOUGH_MEMORY`
 */
export function assertEnoughMemory(kind: Engine["kind"], sessions: number, present = totalmem()): void {
  const needed = neededBytes(sessions);
  if (!kind.startsWith("secantus") || needed <= present) return;
  const message =
    `with ${sessions} sessions the development engine takes about ${gigabytes(needed)} of memory, and this machine ` +
    `has ${gigabytes(present)}; take fewer --sessions, or a mongod, installed or named by MONGODB_URI`;
  throw Object.assign(new Error(message), { code: "NOT_ENOUGH_MEMORY" });
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
