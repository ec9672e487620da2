// Reads the signals of the load from the server.
import type { mongo } from "mongoose";
import { asStored } from "../../core/bson/exact.js";
import type { Document } from "../../core/model.js";
import { type Reading, readFigure } from "../../core/server/figure.js";
import type { LoadSignal, LoadSignals } from "./throttle.js";

/** Data-bearing states of a member: primary and secondary. */
const dataStates: readonly unknown[] = [1, 2];
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
): Promise<Omit<LoadSignals, "disk">> {
  const admin = db.admin();
  const askedFor = (...names: LoadSignal[]) => names.some((name) => !unwatched.includes(name));
  const status = { serverStatus: 1, repl: 0, metrics: 0, locks: 0, oplog: 1 };
  const [replication, server, operations] = await Promise.all([
    askedFor("lag", "oplog") ? readFigure(db, () => admin.command({ replSetGetStatus: 1 })) : absent,
    askedFor("flowControl", "queue", "oplog") ? readFigure(db, () => admin.command(status)) : absent,
    askedFor("indexBuild")
      ? readFigure(db, () =>
          admin.command({ currentOp: 1, ns: `${db.databaseName}.${collection}` }, asStored),
        )
      : absent,
  ]);
  const watched = <T>(name: LoadSignal, signal: Reading<T>) => (askedFor(name) ? signal : absent);
  return {
    lag: watched("lag", picked(replication, lagOf)),
    flowControl: watched("flowControl", picked(server, flowControlOf)),
    queue: watched("queue", picked(server, queueOf)),
    indexBuild: picked(operations, ({ inprog }) => (inprog as Document[]).some(isIndexBuild)),
    oplog: watched("oplog", oplogSignal(replication, server)),
  };
}

/** How far replication is behind at this moment. */
export async function readLag(db: mongo.Db): Promise<Reading<number>> {
  return picked(await readFigure(db, () => db.admin().command({ replSetGetStatus: 1 })), lagOf);
}

/** How much of the disk under the data is free. */
export async function readDisk(db: mongo.Db): Promise<Reading<number>> {
  return picked(await readFigure(db, () => db.command({ dbStats: 1 })), diskFreeOf);
}

/** Part of the disk that is free, 0 to 1, where the server knows it. Pure. */
export function diskFreeOf({ fsUsedSize, fsTotalSize }: Document): number | undefined {
  const [used, total] = [Number(fsUsedSize), Number(fsTotalSize)];
  return total > 0 && used >= 0 ? Math.max(1 - used / total, 0) : undefined;
}

function oplogSignal(replication: Reading<Document>, server: Reading<Document>): Reading<number> {
  if (replication.state !== "known") return replication;
  const followers = dataMembers(replication.value).length - 1;
  return followers > 0 ? picked(server, oplogHoursOf) : { state: "known", value: Number.POSITIVE_INFINITY };
}

/** Hours between the first and the last entry of the oplog. Pure. */
export function oplogHoursOf({ oplog }: Document): number | undefined {
  const { earliestOptime, latestOptime } = (oplog ?? {}) as Document;
  const [first, last] = [secondsOf(earliestOptime), secondsOf(latestOptime)];
  return first === undefined || last === undefined ? undefined : (last - first) / 3_600;
}

// A timestamp, or one with its term.
function secondsOf(optime: unknown): number | undefined {
  const { ts = optime } = (optime ?? {}) as { ts?: unknown };
  return (ts as { getHighBits?: () => number } | undefined)?.getHighBits?.();
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
  const behind = dataMembers(status)
    .filter(({ secondaryDelaySecs }) => !(Number(secondaryDelaySecs) > 0))
    .map(({ optimeDate }) => millisBetween(primary.optimeDate, optimeDate) ?? 0);
  return Math.max(majority, ...behind, 0);
}

function dataMembers({ members }: Document): Document[] {
  return ((members ?? []) as Document[]).filter(({ state }) => dataStates.includes(state));
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
