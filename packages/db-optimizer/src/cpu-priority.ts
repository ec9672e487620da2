import { constants, getPriority, setPriority } from "node:os";

/**
 * Has this process give way to others on its machine. For one that does nothing but what can wait, such as cleanups and
 * migrations: a copy computes as much as it writes, and would take the processor from whoever serves users there.
 */
export function lowerCpuPriority(): void {
  try {
    // Never up, which only a privileged process may.
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // Where a sandbox forbids it the work is done all the same.
  }
}
