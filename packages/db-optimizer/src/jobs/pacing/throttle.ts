// From what load on a run waits: judged from the signals of the server. Pure.
import type { Reading } from "../../core/server/figure.js";

/** The server's signals of load. */
export interface LoadSignals {
  /** Milliseconds that the majority of a replica set, or its slowest member without a wanted delay, is behind. */
  readonly lag: Reading<number>;
  /** Whether flow control holds writes back. */
  readonly flowControl: Reading<boolean>;
  /** Operations that wait to be run. */
  readonly queue: Reading<number>;
  /** Whether an index of the collection that is being cleaned is under construction. */
  readonly indexBuild: Reading<boolean>;
  /** Hours that the oplog reaches back; infinite where no other member follows it. */
  readonly oplog: Reading<number>;
  /** Part of the disk under the data that is free, 0 to 1. */
  readonly disk: Reading<number>;
}

/** Name of one of {@link LoadSignals}. */
export type LoadSignal = keyof LoadSignals;

/** All of them, in the order in which they are judged. */
export const loadSignals: readonly LoadSignal[] = [
  "lag",
  "flowControl",
  "queue",
  "indexBuild",
  "oplog",
  "disk",
];

/** Those that it goes on without where they are unknown: not the load, but what is left for the run to use up. */
export const reserveSignals: readonly LoadSignal[] = ["oplog", "disk"];

/** From what load on a cleanup waits, with the defaults. */
export interface ThrottleLimits {
  /** Milliseconds between two looks. Default 1,000. */
  readonly checkMs: number;
  /** Lag in milliseconds that it pauses at. Default 1,500: flow control slows the application from 5,000 on. */
  readonly pauseLagMs: number;
  /** Lag in milliseconds that it goes on below. Default 750. */
  readonly resumeLagMs: number;
  /** Calm looks in a row before it goes on. Default 3. */
  readonly resumeChecks: number;
  /** Lag in milliseconds that it holds at. Default 5,000. */
  readonly holdLagMs: number;
  /** Waiting operations that it pauses above, unless 1.2 times as many as at its start are more. Default 20. */
  readonly pauseQueue: number;
  /** Hours that the oplog must reach back; it holds below. Default 1: a member away for longer needs a full resync. */
  readonly minOplogHours: number;
  /** Part of the disk that must be free, 0 to 1; it holds below. Default 0.05. */
  readonly minDiskFree: number;
  /** Milliseconds that a hold lasts. Default 600,000. */
  readonly holdMs: number;
  /** Signals that are left out, for a server that this user may not ask. Default none. */
  readonly unwatched: readonly LoadSignal[];
}

/** The defaults: {@link ThrottleLimits} says what each is. */
export const defaultThrottle: ThrottleLimits = {
  checkMs: 1_000,
  pauseLagMs: 1_500,
  resumeLagMs: 750,
  resumeChecks: 3,
  holdLagMs: 5_000,
  pauseQueue: 20,
  minOplogHours: 1,
  minDiskFree: 0.05,
  holdMs: 600_000,
  unwatched: [],
};

const pauseQueueGrowth = 1.2;
const holdQueueGrowth = 2;
/** A far too long queue holds when it is seen in so many looks in a row. */
const holdQueueChecks = 2;

/** Why a cleanup waits for the server. */
export type ThrottleReason =
  | "lag"
  | "flow_control"
  | "queue"
  | "index_build"
  | "oplog_short"
  | "disk_low"
  | "unreadable";

/** Why, in a word and in a sentence. */
export interface ThrottleTrouble {
  readonly reason: ThrottleReason;
  readonly detail: string;
  /** Of `unreadable`: the signals of the load that this user may not read. */
  readonly forbidden?: readonly LoadSignal[];
  /** The remedy for a wait that does not end by itself: for a forbidden signal, the privilege or the option to continue without. */
  readonly remedy?: string;
}

/** State of the throttle between checks. */
export interface ThrottleState {
  /** Waiting operations before the cleanup began; `null` before the first look. */
  readonly baseline: number | null;
  /** The present reason to wait, or the last one while calm checks are counted; `null` while it does not wait. */
  readonly waiting: ThrottleTrouble | null;
  /** Calm looks in a row since. */
  readonly calm: number;
  /** Looks in a row with far too long a queue. */
  readonly longQueues: number;
}

/** Decision: `go`, check again after a moment (`pause`), or leave the server alone for minutes (`hold`). */
export type ThrottleVerdict = { readonly do: "go" } | ({ readonly do: "pause" | "hold" } & ThrottleTrouble);

/** Before the first look. */
export const idleThrottle: ThrottleState = { baseline: null, waiting: null, calm: 0, longQueues: 0 };

const holding: readonly ThrottleReason[] = ["oplog_short", "disk_low"];

/**
 * Judges a look at the server. Any one reason is enough, the first is the one that is shown, and load that cannot be
 * read is a reason. It goes on only after several calm looks in a row. Pure.
 */
export function judgeLoad(
  before: ThrottleState,
  signals: LoadSignals,
  limits: ThrottleLimits,
): { readonly state: ThrottleState; readonly verdict: ThrottleVerdict } {
  const baseline = before.baseline ?? valueIn(signals.queue) ?? null;
  const queue = valueIn(signals.queue) ?? 0;
  const isFar = queue > Math.max(limits.pauseQueue, holdQueueGrowth * (baseline ?? 0));
  const longQueues = isFar ? before.longQueues + 1 : 0;
  const lagLimit = before.waiting?.reason === "lag" ? limits.resumeLagMs : limits.pauseLagMs;
  const bounds = { lagLimit, queueLimit: queueLimit(baseline, limits) };
  const trouble = loadTrouble(signals, bounds) ?? reserveTrouble(signals, limits);
  if (trouble) {
    const tooLong = (valueIn(signals.lag) ?? 0) > limits.holdLagMs || longQueues >= holdQueueChecks;
    const hold = tooLong || holding.includes(trouble.reason);
    const state = { baseline, waiting: trouble, calm: 0, longQueues: hold ? 0 : longQueues };
    return { state, verdict: { do: hold ? "hold" : "pause", ...trouble } };
  }
  const calm = before.calm + 1;
  if (before.waiting && calm < limits.resumeChecks) {
    return {
      state: { ...before, baseline, calm, longQueues },
      verdict: { do: "pause", ...before.waiting },
    };
  }
  return { state: { baseline, waiting: null, calm: 0, longQueues }, verdict: { do: "go" } };
}

function queueLimit(baseline: number | null, { pauseQueue }: ThrottleLimits): number {
  return Math.max(pauseQueue, pauseQueueGrowth * (baseline ?? 0));
}

function loadTrouble(
  signals: LoadSignals,
  { lagLimit, queueLimit }: { lagLimit: number; queueLimit: number },
): ThrottleTrouble | undefined {
  const unread = unreadTrouble(signals);
  if (unread) return unread;
  const lag = valueIn(signals.lag) ?? 0;
  if (lag > lagLimit) return { reason: "lag", detail: `replication is ${Math.round(lag)} ms behind` };
  if (valueIn(signals.flowControl))
    return { reason: "flow_control", detail: "flow control holds writes back" };
  const queue = valueIn(signals.queue) ?? 0;
  if (queue > queueLimit) return { reason: "queue", detail: `${queue} operations wait on the server` };
  if (valueIn(signals.indexBuild)) return { reason: "index_build", detail: "an index of it is being built" };
  return undefined;
}

// Reports all forbidden signals at once, so that the user can grant or exclude all of them together.
function unreadTrouble(signals: LoadSignals): ThrottleTrouble | undefined {
  const watched = loadSignals.filter((name) => !reserveSignals.includes(name));
  const forbidden = watched.filter((name) => signals[name].state === "forbidden");
  for (const name of watched) {
    const signal = signals[name];
    if (signal.state === "unreadable")
      return { reason: "unreadable", detail: `${name} cannot be read: ${signal.reason}` };
    if (signal.state !== "forbidden") continue;
    const names = forbidden.join(" ");
    const detail = `${forbidden.join(", ")} may not be read: ${signal.reason}; grant clusterMonitor, or exclude it: --unwatched ${names}`;
    const remedy = `grant the user clusterMonitor, or stop it and run it with --unwatched ${names}`;
    return { reason: "unreadable", detail, forbidden, remedy };
  }
  return undefined;
}

function reserveTrouble(
  signals: LoadSignals,
  { minOplogHours, minDiskFree }: ThrottleLimits,
): ThrottleTrouble | undefined {
  const hours = valueIn(signals.oplog);
  if (hours !== undefined && hours < minOplogHours)
    return { reason: "oplog_short", detail: `the oplog reaches back ${hours.toFixed(1)} h only` };
  const free = valueIn(signals.disk);
  if (free !== undefined && free < minDiskFree)
    return { reason: "disk_low", detail: `${(free * 100).toFixed(1)} % of the disk are free` };
  return undefined;
}

function valueIn<T>(signal: Reading<T>): T | undefined {
  return signal.state === "known" ? signal.value : undefined;
}
