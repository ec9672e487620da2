// Functions that the application gives for facts. A request can do without the fact, so one that fails is logged and the
// fact is unknown. What decides has other rules: hooks (ask-hooks.ts), the audit trail (audit.ts), the notifier.
import type { z } from "zod";
import type { FlowLog } from "./flow-log.js";
import { withTimeLimit } from "./time-limit.js";

/** A function of the application's, by the name of its option, and what it answers. */
export interface GivenPart<T, Otherwise = T> {
  readonly part: string;
  /** What the answer must be; whatever is not is a failure. */
  readonly shape: z.ZodType<T>;
  /** The answer that takes the place of one that fails. */
  readonly otherwise: Otherwise;
}

/** Asks for a fact that has to be known at once. */
export function factFrom<T, Otherwise = T>(
  log: FlowLog,
  given: GivenPart<T, Otherwise>,
  ask: () => unknown,
): T | Otherwise {
  try {
    return checked(given, ask());
  } catch (err) {
    return unknown(log, given, err);
  }
}

/** Asks for a fact that may take its time, up to a limit. */
export async function factWithin<T, Otherwise = T>(
  log: FlowLog,
  given: GivenPart<T, Otherwise>,
  timeoutMs: number,
  ask: () => unknown,
): Promise<T | Otherwise> {
  const late = `${given.part} took longer than ${timeoutMs} ms`;
  try {
    return checked(given, await withTimeLimit(timeoutMs, late, ask));
  } catch (err) {
    return unknown(log, given, err);
  }
}

function checked<T>({ part, shape }: Pick<GivenPart<T>, "part" | "shape">, answer: unknown): T {
  const read = shape.safeParse(answer);
  if (read.success) return read.data;
  // A promise comes too late: nothing waits for it, nor for its failure.
  void Promise.resolve(answer).catch(() => {});
  throw new TypeError(`${part} answered with something else than it should`, { cause: read.error });
}

function unknown<Otherwise>(
  log: FlowLog,
  { part, otherwise }: Pick<GivenPart<unknown, Otherwise>, "part" | "otherwise">,
  err: unknown,
): Otherwise {
  log.error({ err }, `${part} failed`);
  return otherwise;
}
