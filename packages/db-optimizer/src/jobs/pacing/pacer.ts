// Decides between two batches whether the next may be run: what people asked, the hours, the load.
import { setTimeout as sleep } from "node:timers/promises";
import type { mongo } from "mongoose";
import { withDefaults } from "../../core/defaults.js";
import { OptimizerError } from "../../core/errors.js";
import type { Reading } from "../../core/server/figure.js";
import { readDisk, readLag, readLoad } from "./load.js";
import {
  defaultThrottle,
  idleThrottle,
  judgeLoad,
  type LoadSignal,
  type LoadSignals,
  reserveSignals,
  type ThrottleLimits,
  type ThrottleReason,
  type ThrottleState,
  type ThrottleTrouble,
} from "./throttle.js";
import { msUntilOpen, type ParsedCleanupWindow } from "./window.js";

/** Why a run waits: a person asked, it is not its time of the day, or the server is under load. */
export type PauseReason = "requested" | "window" | ThrottleReason;

/** Why a run ended before it was through: its signal, or `cancelled` from outside. */
export type RunStop = "signal" | "cancelled";

/** A figure that a run went on without, and why it is not known. */
export interface UnknownSignal {
  readonly signal: LoadSignal;
  readonly reason: string;
}

/** A reason to wait. */
export interface Wait {
  readonly reason: PauseReason;
  readonly detail: string;
  /** The remedy, if the wait does not end by itself. */
  readonly remedy?: string;
  /** Milliseconds that it is known to take; `null` when nobody knows. */
  readonly ms: number | null;
}

/** Input of a {@link Pacer}. */
export interface Paced {
  readonly db: mongo.Db;
  readonly signal: AbortSignal;
  /** The command of a user to the run. */
  wanted(): "pause" | "cancel" | undefined;
  /** Hours outside which it pauses. Default none. */
  readonly window?: ParsedCleanupWindow | undefined;
  readonly throttle?: Partial<ThrottleLimits> | undefined;
  /** Tells the time of the day for `window`. Default the system's clock. */
  readonly clock?: (() => Date) | undefined;
}

/** Milliseconds between two looks at the disk, which change slowly and cost the server a look at every collection. */
const diskCheckMs = 30_000;
const absent = { state: "absent" } as const;

/** Decides between two batches whether the next may be run, and waits until it may. */
export class Pacer {
  readonly #paced: Paced;
  readonly #limits: ThrottleLimits;
  readonly #clock: () => Date;
  #throttle: ThrottleState = idleThrottle;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #disk: Promise<Reading<number>> = Promise.resolve(absent);
  #diskLookedAt = Number.NEGATIVE_INFINITY;
  readonly #unknown = new Map<LoadSignal, string>();
  #held: { readonly until: number; readonly trouble: ThrottleTrouble } | undefined;
  /** Milliseconds that this process has waited. */
  pausedMs = 0;
  worstLagMs: number | null = null;

  constructor(paced: Paced) {
    this.#paced = paced;
    this.#limits = withDefaults(defaultThrottle, paced.throttle);
    this.#clock = paced.clock ?? (() => new Date());
  }

  /**
   * Waits until a batch on the collection may be run.
   *
   * @param onWait called at the beginning of a pause and about once a second in it
   * @returns why there will be no batch, or whether there was one pause for the server's sake
   * @throws {OptimizerError} `LEASE_LOST`
   */
  async clearance(
    collection: string,
    onWait: (wait: Wait) => Promise<void>,
  ): Promise<{ readonly stop: RunStop } | { readonly throttled: boolean }> {
    let throttled = false;
    for (;;) {
      const stop = this.#stop();
      if (stop) return { stop };
      const wait = this.#asked() ?? this.#closed() ?? (await this.#load(collection));
      if (!wait) return { throttled };
      throttled ||= wait.reason !== "requested" && wait.reason !== "window";
      const began = performance.now();
      await onWait(wait);
      await this.rest(Math.min(this.#limits.checkMs, wait.ms ?? this.#limits.checkMs));
      this.pausedMs += performance.now() - began;
    }
  }

  /** Signals that could not be told and that it went on without. */
  get unknown(): UnknownSignal[] {
    return [...this.#unknown].map(([signal, reason]) => ({ signal, reason }));
  }

  /** Replication lag at this moment, milliseconds; `null` where it is not watched or not known. */
  async lag(): Promise<number | null> {
    if (this.#limits.unwatched.includes("lag")) return null;
    const lag = await readLag(this.#paced.db);
    return lag.state === "known" ? lag.value : null;
  }

  /** Looks at the disk, so that it is known when it is asked for. */
  async lookAtDisk(): Promise<void> {
    if (this.#limits.unwatched.includes("disk")) return;
    this.#diskLookedAt = performance.now();
    this.#disk = readDisk(this.#paced.db);
    await this.#disk;
  }

  /** Waits, unless told to stop. */
  async rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#paced.signal }).catch(() => undefined);
  }

  #stop(): RunStop | undefined {
    const { signal } = this.#paced;
    if (signal.reason instanceof OptimizerError) throw signal.reason;
    if (signal.aborted) return "signal";
    return this.#paced.wanted() === "cancel" ? "cancelled" : undefined;
  }

  #asked(): Wait | undefined {
    return this.#paced.wanted() === "pause"
      ? { reason: "requested", detail: "a user asked for a pause", ms: null }
      : undefined;
  }

  #closed(): Wait | undefined {
    const { window } = this.#paced;
    const ms = window ? msUntilOpen(window, this.#clock()) : 0;
    if (!window || ms === 0) return undefined;
    const detail = `it works from ${window.from} to ${window.to}, ${window.timeZone}`;
    return { reason: "window", detail, ms };
  }

  async #load(collection: string): Promise<Wait | undefined> {
    const at = performance.now();
    if (this.#held && at < this.#held.until) return { ...this.#held.trouble, ms: this.#held.until - at };
    if (!this.#throttle.waiting && at - this.#lookedAt < this.#limits.checkMs) return undefined;
    this.#lookedAt = at;
    const signals = await this.#look(collection, at);
    if (signals.lag.state === "known") this.worstLagMs = Math.max(this.worstLagMs ?? 0, signals.lag.value);
    const { state, verdict } = judgeLoad(this.#throttle, signals, this.#limits);
    this.#throttle = state;
    if (verdict.do === "go") return undefined;
    const { reason, detail, remedy } = verdict;
    const trouble = { reason, detail, ...(remedy !== undefined && { remedy }) };
    const ms = verdict.do === "hold" ? this.#limits.holdMs : null;
    this.#held = ms === null ? undefined : { until: at + ms, trouble };
    return { ...trouble, ms };
  }

  async #look(collection: string, at: number): Promise<LoadSignals> {
    const { unwatched } = this.#limits;
    if (at - this.#diskLookedAt >= diskCheckMs) void this.lookAtDisk();
    const load = await readLoad(this.#paced.db, collection, unwatched);
    const signals = { ...load, disk: await this.#disk };
    for (const name of reserveSignals) {
      const signal = signals[name];
      if (signal.state === "known" || unwatched.includes(name)) this.#unknown.delete(name);
      else this.#unknown.set(name, signal.state === "absent" ? "this server does not say" : signal.reason);
    }
    return signals;
  }
}

/** A wait as progress and records have it: without the time that it takes. Pure. */
export function pausedBy({ ms: _ms, ...paused }: Wait): Omit<Wait, "ms"> {
  return paused;
}
