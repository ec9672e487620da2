import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Connection, mongo } from "mongoose";
import { OptimizerError, toOptimizerError } from "../core/errors.js";
import { ownCollection } from "../core/server/own-collection.js";
import { withRetries } from "../core/server/transient.js";
import type { PaceState } from "../jobs/pace.js";
import type { PauseReason } from "../jobs/pacer.js";

const runCollection = "org_db_cleanup";
/** Runs that are remembered. */
const remembered = 100;

/** How a run stands. `interrupted`: it was told to stop, or its process died; the next run goes on with it. */
export type CleanupState = "running" | "paused" | "interrupted" | "succeeded" | "failed" | "cancelled";

/** Where one rule of a run is. */
export interface RuleState {
  readonly rule: string;
  readonly collection: string;
  /** Documents that it named when it was last counted, with those that are done; `null` before that. */
  readonly total: number | null;
  readonly done: number;
  readonly batches: number;
  /** Milliseconds at work, without pauses. */
  readonly activeMs: number;
  /** The date that it has come to; `null` before the first batch and when it is through. */
  readonly cursor: Date | null;
  readonly pace: PaceState | null;
}

/** One cleanup as the database has it. */
export interface CleanupRun {
  /** Sorts by time. */
  readonly _id: string;
  readonly state: CleanupState;
  /** Of a paused run: why. */
  readonly reason?: PauseReason;
  readonly detail?: string;
  /** What ends the wait, where it does not end by itself. */
  readonly remedy?: string;
  /** What a person asked for. */
  readonly wanted?: "pause" | "cancel";
  /** Who runs it, and who asked. */
  readonly by: string;
  readonly wantedBy?: string;
  readonly fencing: number;
  readonly rulesHash: string;
  /** By the server's clock. */
  readonly startedAt: Date;
  /** The last sign of life. */
  readonly seenAt: Date;
  readonly endedAt?: Date;
  /** Milliseconds at work and in pauses, over all the processes that went on with it. */
  readonly activeMs: number;
  readonly pausedMs: number;
  readonly rules: readonly RuleState[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a run writes down with every batch. */
export type Checkpoint = Pick<CleanupRun, "activeMs" | "pausedMs" | "rules"> &
  (
    | { readonly state: "running" }
    | ({ readonly state: "paused" } & Pick<CleanupRun, "reason" | "detail" | "remedy">)
  );

const alive: readonly CleanupState[] = ["running", "paused"];
/** States that a next run goes on from. */
export const unfinished: readonly CleanupState[] = [...alive, "interrupted", "failed"];

/** The collection that cleanups are kept in. */
export function runsOf(connection: Connection): mongo.Collection<CleanupRun> {
  return ownCollection<CleanupRun>(connection, runCollection);
}

/** What a run is begun with. */
export type RunBegin = Pick<CleanupRun, "fencing" | "rulesHash" | "rules" | "startedAt">;

/** The run of this process, kept in the database. */
export class RunStore {
  readonly #runs: mongo.Collection<CleanupRun>;
  readonly #own: Pick<CleanupRun, "_id" | "fencing">;
  readonly #clock: () => Date;
  /** The run as it was when this process took it up. */
  readonly begun: CleanupRun;
  /** What a person asked for, as of the last checkpoint. */
  wanted: CleanupRun["wanted"];

  private constructor(runs: mongo.Collection<CleanupRun>, begun: CleanupRun, clock: () => Date) {
    this.#runs = runs;
    this.#own = { _id: begun._id, fencing: begun.fencing };
    this.#clock = clock;
    this.begun = begun;
    this.wanted = begun.wanted;
  }

  /** Takes up the last run when it is unfinished and of the same rules, else begins one. The caller holds the lease. */
  static async begin(connection: Connection, begin: RunBegin, clock: () => Date): Promise<RunStore> {
    const runs = runsOf(connection);
    const last = await runs.findOne({}, { sort: { _id: -1 } });
    const resumes =
      last &&
      unfinished.includes(last.state) &&
      last.rulesHash === begin.rulesHash &&
      last.wanted !== "cancel";
    if (resumes) {
      const own = { fencing: begin.fencing, by: whoAmI(), state: "running" as const, seenAt: clock() };
      const change = {
        $set: own,
        $unset: { endedAt: 1, error: 1, reason: 1, detail: 1, remedy: 1 },
      } as const;
      const taken = await runs.findOneAndUpdate({ _id: last._id, state: last.state }, change, {
        returnDocument: "after",
      });
      if (taken) return new RunStore(runs, taken, clock);
    }
    await endDead(runs, begin.fencing, clock());
    const begun = newRun(begin, clock());
    await runs.insertOne(begun);
    await forgetOld(runs);
    return new RunStore(runs, begun, clock);
  }

  get runId(): string {
    return this.#own._id;
  }

  /**
   * Writes down where the run is, and learns what is asked of it.
   *
   * @param signal ends the waits between tries while the server is away
   * @throws {OptimizerError} `LEASE_LOST` when a later holder of the lease has taken it up; `ABORTED`
   */
  async checkpoint(checkpoint: Checkpoint, signal: AbortSignal): Promise<void> {
    const own = { ...this.#own, state: { $in: [...alive] } };
    const set = { ...checkpoint, seenAt: this.#clock() };
    const unset =
      checkpoint.state === "running" ? { $unset: { reason: 1, detail: 1, remedy: 1 } as const } : {};
    const run = await withRetries(
      () => this.#runs.findOneAndUpdate(own, { $set: set, ...unset }, { returnDocument: "after" }),
      signal,
    );
    if (!run) throw new OptimizerError("LEASE_LOST", "A later run took this one over");
    this.wanted = run.wanted;
  }

  /** Writes down how the run ended. A run that was taken over is no longer this process's to end. */
  async end(
    end: Pick<CleanupRun, "state" | "activeMs" | "pausedMs" | "rules">,
    signal: AbortSignal,
    error?: unknown,
  ): Promise<void> {
    const at = this.#clock();
    const { code, message } = error === undefined ? {} : toOptimizerError(error);
    const failure = code === undefined ? {} : { error: { code, message } };
    const change = {
      $set: { ...end, ...failure, seenAt: at, endedAt: at } as Partial<CleanupRun>,
      $unset: { reason: 1, detail: 1, remedy: 1 },
    } as const;
    await withRetries(() => this.#runs.updateOne(this.#own, change), signal);
  }
}

function newRun(begin: RunBegin, seenAt: Date): CleanupRun {
  // The number tells runs of one millisecond apart, and in which order they were.
  const order = String(begin.fencing).padStart(8, "0");
  return {
    _id: `${begin.startedAt.toISOString()} ${order} ${randomUUID().slice(0, 8)}`,
    ...begin,
    state: "running",
    by: whoAmI(),
    seenAt,
    activeMs: 0,
    pausedMs: 0,
  };
}

// Whoever holds the lease knows that no earlier holder may still be at work.
async function endDead(runs: mongo.Collection<CleanupRun>, fencing: number, endedAt: Date): Promise<void> {
  const older = { state: { $in: [...alive] }, fencing: { $lt: fencing } };
  await runs.updateMany({ ...older, wanted: "cancel" }, { $set: { state: "cancelled", endedAt } });
  await runs.updateMany(older, { $set: { state: "interrupted", endedAt } });
}

async function forgetOld(runs: mongo.Collection<CleanupRun>): Promise<void> {
  const [oldest] = await runs.find().sort({ _id: -1 }).skip(remembered).limit(1).toArray();
  if (oldest) await runs.deleteMany({ _id: { $lte: oldest._id } });
}

/** This process, for people. */
export function whoAmI(): string {
  return `${hostname()}:${process.pid}`;
}
