import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";

const ENDED = "ended";

/** A process, told apart from a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process began, in the operating system's own notation; absent where it does not say. */
  readonly began?: string | undefined;
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, began: await beginningOf(pid) };
}

/** Whether that very process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  // 0 and negative numbers mean groups of processes to kill(2)
  if (!(identity.pid > 0)) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const began = await beginningOf(identity.pid);
  if (began === ENDED) return false;
  return began === undefined || identity.began === undefined || began === identity.began;
}

async function beginningOf(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (status === undefined) return beginningFromPs(pid);
  // The name of the program, in parentheses, may hold spaces: count from behind it. A zombie has ended already.
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? ENDED : fields[19];
}

function beginningFromPs(pid: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("ps", ["-o", "lstart=", "-p", String(pid)], (error, stdout) => {
      resolve(error ? undefined : stdout.trim() || undefined);
    });
  });
}
