// How busy the server keeps its processors.
import type { mongo } from "mongoose";

import { OptimizerError } from "../../core/errors.js";
import type { Document } from "../../core/model.js";
import { pause } from "../../core/pause.js";
import type { ProcessorFacts, ProcessorReading } from "./facts.js";

/** How long the processors are watched where no earlier check has looked at them. */
const watchedMs = 500;

/**
 * Asks how busy the server process keeps its processors: since the check before this one, or else for half a second
 * before the other probes, which cost some themselves.
 *
 * @throws {OptimizerError} `UNSUPPORTED` where the server does not count its processor time
 */
export async function probeProcessor(
  db: mongo.Db,
  earlier: ProcessorReading | undefined,
): Promise<ProcessorFacts> {
  const begin = await read(db);
  const { system } = (await db.admin().command({ hostInfo: 1 })) as { system?: Document };
  const before = earlier && begin.upMs - earlier.upMs >= watchedMs ? earlier : begin;
  if (before === begin) await pause(watchedMs);
  return processorFactsOf(before, before === begin ? await read(db) : begin, system ?? {});
}

/** Use of the processor between two readings. Pure. */
function processorFactsOf(
  before: ProcessorReading,
  after: ProcessorReading,
  system: Document,
): ProcessorFacts {
  // In a container, a process may use fewer processors than the machine has.
  const processors = Number(system.numCoresAvailableToProcess ?? system.numCores);
  const overMs = after.upMs - before.upMs;
  const usedMs = after.usedMs - before.usedMs;
  if (!(processors > 0 && overMs > 0 && usedMs >= 0))
    throw new OptimizerError("UNSUPPORTED", "the server does not say how many processors it has");
  return { usedRatio: usedMs / (overMs * processors), processors, overMs, reading: after };
}

async function read(db: mongo.Db): Promise<ProcessorReading> {
  const { extra_info: extra, uptimeMillis } = (await db.command({ serverStatus: 1 })) as Document;
  const { user_time_us: user, system_time_us: system } = (extra ?? {}) as Document;
  const reading = { upMs: Number(uptimeMillis), usedMs: (Number(user) + Number(system)) / 1_000 };
  if (Number.isFinite(reading.upMs) && Number.isFinite(reading.usedMs)) return reading;
  throw new OptimizerError("UNSUPPORTED", "serverStatus does not tell the processor time of the server");
}
