// A run in the hands of the process that holds it: its record, its lease, and what is asked of it.
import type { Connection, mongo } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { withRetries } from "../core/server/transient.js";
import type { Lease } from "./lease.js";
import { pausedBy, type Wait } from "./pacing/pacer.js";
import { changeRun, type RunData, type RunRecord, runsOf } from "./run-record.js";
import { heldStates, type RunEnding, type RunEvent } from "./run-state.js";

/** How often a holder asks what is wanted of its run, at most; with each checkpoint it learns it besides. */
const longestWatchMs = 1_000;
/** A record is kept by its lease: it is read at least three times in the length of one. */
const looksPerLease = 3;

/** Fields of a held {@link Run}. */
export interface Held {
  readonly connection: Connection;
  readonly lease: Lease;
  readonly leaseMs: number;
  /** Aborted when the lease is lost or the caller stops it. */
  readonly signal: AbortSignal;
}

/** A run that this process holds. */
export class Run {
  readonly lease: Lease;
  readonly connection: Connection;
  /** Aborted when the run is to end after the batch under way: it is stopped, cancelled, or another process has it. */
  readonly signal: AbortSignal;
  /** The run as it was when this process began it or took it up. */
  readonly begun: RunRecord;
  readonly #runs: mongo.Collection<RunRecord>;
  readonly #ending = new AbortController();
  readonly #watch: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #record: RunRecord;
  #kept: RunData = {};

  constructor(record: RunRecord, { connection, lease, leaseMs, signal }: Held) {
    this.lease = lease;
    this.connection = connection;
    this.begun = record;
    this.#record = record;
    this.#runs = runsOf(connection);
    this.signal = AbortSignal.any([signal, this.#ending.signal]);
    this.#watch = setInterval(
      () => {
        this.#looking ??= this.#look().finally(() => {
          this.#looking = undefined;
        });
      },
      Math.min(longestWatchMs, leaseMs / looksPerLease),
    ).unref();
  }

  /** The run as this process knows it. */
  get record(): RunRecord {
    return this.#record;
  }

  /** Whether a person asked for a pause. */
  get isPauseWanted(): boolean {
    return this.#record.wanted === "pause";
  }

  get isCancelled(): boolean {
    return this.#record.state === "cancelling" || this.#record.state === "cancelled";
  }

  /** Whether the run continues the work of an earlier process. */
  get isResumed(): boolean {
    return this.begun.activeMs > 0 || this.begun.steps.some(({ batches }) => batches > 0);
  }

  /**
   * Writes down where the run is, and learns what is asked of it.
   *
   * @throws {OptimizerError} `LEASE_LOST` when a later holder has taken it up; `ABORTED` while the server is away
   */
  async checkpoint(data: RunData, wait: Wait | null): Promise<void> {
    const { fencing } = this.lease;
    const event: RunEvent = wait ? { on: "wait", fencing, for: pausedBy(wait) } : { on: "work", fencing };
    await this.#change(event, data);
  }

  /** Fields that are written when the run ends, besides its end. */
  get kept(): RunData {
    return this.#kept;
  }

  keep(data: RunData): void {
    this.#kept = { ...this.#kept, ...data };
  }

  /** Writes down how the run ended: the last that its holder does with it. */
  async end(ending: RunEnding, data: RunData): Promise<RunRecord> {
    await this.close();
    await this.#change({ on: "end", fencing: this.lease.fencing, with: ending }, { ...this.#kept, ...data });
    return this.#record;
  }

  /** Asks no more what is wanted of it. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#looking;
  }

  async #change(event: RunEvent, data: RunData): Promise<void> {
    this.#learn(await withRetries(() => changeRun(this.#runs, this.#record, event, data), this.signal));
  }

  async #look(): Promise<void> {
    // A server that is away is noticed by the lease.
    const seen = await this.#runs.findOne({ _id: this.#record._id }).catch(() => undefined);
    if (seen === undefined) return;
    if (seen && seen.fencing === this.lease.fencing && heldStates.includes(seen.state)) this.#learn(seen);
    else this.#ending.abort(new OptimizerError("LEASE_LOST", "Another process has taken the run up"));
  }

  #learn(seen: RunRecord): void {
    if (seen.revision < this.#record.revision) return;
    this.#record = seen;
    if (this.isCancelled) this.#ending.abort();
  }
}
