// Faults of declarations: which keep everything from being written, and all of them as one error.
import { OptimizerError } from "../core/errors.js";

/**
 * Those faults beside which nothing is written: what is meant by an expiry that is no number, or where a model of another
 * database belongs, nobody can guess. Beside others all else is set up.
 */
export function blockingFaults(faults: readonly OptimizerError[]): OptimizerError[] {
  return faults.filter(({ details }) => details.blocking === true);
}

/** Throws what is wrong with declarations, if anything is: all of it in one error. */
export function throwFaults(faults: readonly OptimizerError[]): void {
  const [first] = faults;
  if (!first) return;
  if (faults.length === 1) throw first;
  const lines = faults.map(({ message }) => `- ${message}`);
  throw new OptimizerError(
    first.code,
    [`${faults.length} declarations need a change:`, ...lines].join("\n"),
    {
      details: { faults: faults.map(({ code, message, details }) => ({ code, message, ...details })) },
    },
  );
}
