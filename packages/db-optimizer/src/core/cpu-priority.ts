// Lowers the CPU priority of this process while it does bulk work.
import { readdirSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";

/** Where Linux lists the threads of this process, each of which has a priority of its own. */
const threadList = "/proc/self/task";

/**
 * Lowers the CPU priority of this process. For processes that only do background work, such as cleanups and migrations:
 * a copy computes as much as it writes, and would take the processor from services on the same machine.
 */
export function lowerCpuPriority(): void {
  // Threads to come have the priority of the one that starts them. Those there are collect garbage and compile.
  for (const thread of threads()) {
    try {
      // Never up, which only a privileged process may.
      setPriority(thread, Math.max(getPriority(thread), constants.priority.PRIORITY_BELOW_NORMAL));
    } catch {
      // Where a sandbox forbids it, or the thread has ended, the work is done all the same.
    }
  }
}

/** Numbers of threads; that of the process where its priority is one for all of them. */
function threads(): number[] {
  try {
    return readdirSync(threadList).map(Number);
  } catch {
    return [process.pid];
  }
}
