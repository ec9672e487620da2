import type { mongo } from "mongoose";
import { toOptimizerError } from "../errors.js";
import type { Document } from "../model.js";
import type { LoadSignal, LoadSignals, Reading } from "./throttle.js";

/** Data-bearing states of a member: primary and secondary. */
const dataStates: readonly unknown[] = [1, 2];
// CommandNotFound, NoReplicationEnabled: the server is of a kind that has no such figure.
const absentCodes: readonly unknown[] = [59, 76];
const absent = { state: "absent" } as const;

/**
 * Looks at the load of the server. Never throws for what the server refuses: that is a reading as well.
 *
 * @param collection the one that is being cleaned
 * @param unwatched signals that are not asked for
 */
export async function readLoad(
  db: mongo.Db,
  collection: string,
  unwatched: readonly LoadSignal[],
): Promise<LoadSignals> {
  const admin = db.admin();
  const asked = <T>(name: LoadSignal, ask: () => Promise<T>) =>
    unwatched.includes(name) ? Promise.resolve(absent) : reading(ask);
  const watchesStatus = !unwatched.includes("flowControl") || !unwatched.includes("queue");
  const [replication, status, operations] = await Promise.all([
    asked("lag", () => admin.command({ replSetGetStatus: 1 })),
    watchesStatus ? reading(() => admin.command({ serverStatus: 1, repl: 0, metrics: 0, locks: 0 })) : absent,
    asked("indexBuild", () => admin.command({ currentOp: 1, ns: `${db.databaseName}.${collection}` })),
  ]);
  const ofStatus = <T>(name: LoadSignal, pick: (document: Document) => T | undefined) =>
    unwatched.includes(name) ? absent : picked(status, pick);
  return {
    lag: picked(replication, lagOf),
    flowControl: ofStatus("flowControl", flowControlOf),
    queue: ofStatus("queue", queueOf),
    indexBuild: picked(operations, ({ inprog }) => (inprog as Document[]).some(isIndexBuild)),
  };
}

async function reading<T>(ask: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { state: "known", value: await ask() };
  } catch (error) {
    if (absentCodes.includes((error as { code?: unknown }).code)) return absent;
    return { state: "unreadable", reason: toOptimizerError(error).message };
  }
}

function picked<T, R>(from: Reading<T>, pick: (value: T) => R | undefined): Reading<R> {
  if (from.state !== "known") return from;
  const value = pick(from.value);
  return value === undefined ? absent : { state: "known", value };
}

/** Milliseconds by which the majority, or the slowest member without a wanted delay, is behind the primary. Pure. */
export function lagOf(status: Document): number | undefined {
  const optimes = (status.optimes ?? {}) as Document;
  const majority = millisBetween(optimes.lastAppliedWallTime, optimes.lastCommittedWallTime) ?? 0;
  const members = (status.members ?? []) as Document[];
  const primary = members.find(({ state }) => state === 1);
  if (!primary) return undefined;
  const behind = members
    .filter(
      ({ state, secondaryDelaySecs }) => dataStates.includes(state) && !(Number(secondaryDelaySecs) > 0),
    )
    .map(({ optimeDate }) => millisBetween(primary.optimeDate, optimeDate) ?? 0);
  return Math.max(majority, ...behind, 0);
}

function millisBetween(later: unknown, earlier: unknown): number | undefined {
  return later instanceof Date && earlier instanceof Date ? later.getTime() - earlier.getTime() : undefined;
}

function flowControlOf({ flowControl }: Document): boolean | undefined {
  const { enabled, isLagged } = (flowControl ?? {}) as { enabled?: unknown; isLagged?: unknown };
  return typeof isLagged === "boolean" ? enabled !== false && isLagged : undefined;
}

/** Operations that wait: of the execution queues where the server has them (8.0), else of the global lock. Pure. */
export function queueOf(status: Document): number | undefined {
  const execution = (status.queues as Document | undefined)?.execution as Document | undefined;
  const lengths = ["read", "write"].map((kind) => {
    const { normalPriority, queueLength } = (execution?.[kind] ?? {}) as Document;
    return (normalPriority as Document | undefined)?.queueLength ?? queueLength;
  });
  if (lengths.every((length) => length !== undefined))
    return lengths.reduce<number>((sum, length) => sum + Number(length), 0);
  const total = ((status.globalLock as Document | undefined)?.currentQueue as Document | undefined)?.total;
  return total === undefined ? undefined : Number(total);
}

function isIndexBuild({ command, msg }: Document): boolean {
  return typeof msg === "string" ? msg.startsWith("Index Build") : "createIndexes" in Object(command);
}
