import { totalmem } from "node:os";
import type { Engine } from "@org/dev-kit";

/** How much is loaded. */
export interface DemoSize {
  users: number;
  sessions: number;
}

const usual: DemoSize = { users: 10_000, sessions: 100_000 };
/** SecantusDB's Python server takes ten times as long. */
const small: DemoSize = { users: 1_000, sessions: 10_000 };

/** As asked for, or as much as the engine does in some minutes. */
export function sizeFor(
  kind: Engine["kind"],
  asked: Partial<Record<keyof DemoSize, number | undefined>>,
): DemoSize {
  const { users, sessions } = kind === "secantus-py" ? small : usual;
  return { users: asked.users ?? users, sessions: asked.sessions ?? sessions };
}

/** Measured: 1.9 GB at 100,000 sessions, 15.8 GB at a million. */
const neededBytes = (sessions: number) => 0.3e9 + sessions * 15_500;

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
