import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { pause, type StartContext } from "./context.js";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.js";

const POLL_MS = 100;
const REMIND_MS = 15_000;

/** Content of a lock file. */
export interface LockRecord extends ProcessIdentity {
  readonly token: string;
  /** ISO time. */
  readonly since: string;
}

/**
 * Runs `act` while holding the lock file. Another living holder is waited for, and named in the log; the lock of a
 * dead one is taken over.
 *
 * @param purpose what the lock is held for, for the log: "building the engine"
 */
export async function withLock<T>(
  file: string,
  purpose: string,
  context: Pick<StartContext, "log" | "signal">,
  act: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const own: LockRecord = {
    ...(await identify(process.pid)),
    token: randomUUID(),
    since: new Date().toISOString(),
  };
  let remindAt = 0;
  while (!(await create(file, own))) {
    const holder = await read(file);
    if (!holder) continue;
    if (!(await isAlive(holder))) {
      if (await inheritLock(file, holder, own)) break;
    } else if (Date.now() >= remindAt) {
      context.log(`waiting for process ${holder.pid}, ${purpose} since ${holder.since}`);
      remindAt = Date.now() + REMIND_MS;
    }
    await pause(POLL_MS, context.signal);
  }
  try {
    return await act();
  } finally {
    await rm(file, { force: true });
  }
}

// A link appears at once and complete, so nobody ever reads a lock file that is only half written.
async function create(file: string, record: LockRecord): Promise<boolean> {
  const draft = `${file}.${record.token}`;
  await writeFile(draft, JSON.stringify(record));
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function read(file: string): Promise<LockRecord | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as LockRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof SyntaxError) return { pid: 0, token: "damaged", since: "" };
    throw error;
  }
}

// Several processes can find the same dead holder at once. If each simply removed its file, one could remove the lock
// that another has taken meanwhile. So a claim is created first, under a name made from the dead holder's token: only
// one process gets it, and replaces the lock. If the claimant dies too, it is succeeded in the same way.
export async function inheritLock(file: string, holder: LockRecord, own: LockRecord): Promise<boolean> {
  const deadClaims: string[] = [];
  let claim = claimAfter(file, holder);
  while (!(await create(claim, own))) {
    const claimant = await read(claim);
    if (!claimant || (await isAlive(claimant))) return false;
    deadClaims.push(claim);
    claim = claimAfter(file, claimant);
  }
  // A claim can be had again once the lock has been replaced.
  const replaced = (await read(file))?.token !== holder.token;
  await (replaced ? rm(claim) : rename(claim, file));
  if (!replaced) for (const dead of deadClaims) await rm(dead, { force: true });
  return !replaced;
}

function claimAfter(file: string, record: LockRecord): string {
  return `${file}.after-${record.token}`;
}
