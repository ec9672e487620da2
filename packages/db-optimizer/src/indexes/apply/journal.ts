// The journal: runs and their steps, written while they happen.
import { randomUUID } from "node:crypto";
import type { Connection, mongo } from "mongoose";

import { OptimizerError } from "../../core/errors.js";
import { journalOf, within } from "../journal-collection.js";
import type { StepOutcome } from "../steps/outcome.js";
import type { StepName } from "../steps/steps.js";

/** How a run stands. `interrupted`: its process died, lost its lease or was told to stop. */
export type RunState = "running" | "done" | "failed" | "interrupted";

/** One run of `apply` or `rollback`, as the journal has it. */
export interface JournalRun {
  /** Sorts by time. */
  readonly _id: string;
  readonly kind: "apply" | "rollback";
  readonly planHash: string;
  /** Name of the caller. */
  readonly by: string;
  readonly fencing: number;
  readonly state: RunState;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  /** Of a rollback: the run that it reverses. */
  readonly reverses?: string;
  /** The rollback that reversed this run. */
  readonly reversedBy?: string;
}

/** One step of a run, as the journal has it. */
export interface JournalStep {
  readonly _id: string;
  readonly kind: StepName;
  readonly collection: string;
  /** Empty for a step on the collection itself. */
  readonly index: string;
  /** `running`: it was begun, and no end was written: it may or may not have happened. */
  readonly state: StepOutcome | "running";
  /** The index, or the collection's options, before and after, and as meant: EJSON text, `null` for none. */
  readonly before: string | null;
  readonly wanted: string | null;
  readonly after?: string | null;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Fields of a run at its start. */
export interface RunStart extends Pick<JournalRun, "kind" | "planHash" | "by" | "fencing"> {
  readonly reverses?: string;
  readonly now: Date;
}

const runPrefix = "run ";
const stepPrefix = "step ";

/** Writes one run down while it happens. Nothing is written before the first step begins. */
export class JournalWriter {
  readonly #journal: mongo.Collection<{ _id: string }>;
  readonly #start: RunStart;
  readonly #key: string;
  #begun = false;

  constructor(connection: Connection, start: RunStart) {
    this.#journal = journalOf(connection);
    this.#start = start;
    this.#key = `${start.now.toISOString()} ${randomUUID().slice(0, 8)}`;
  }

  get runId(): string {
    return runPrefix + this.#key;
  }

  /** Whether anything has been written. */
  get begun(): boolean {
    return this.#begun;
  }

  /**
   * Writes a step down before it is carried out: what is not in the journal has not happened.
   *
   * @throws {OptimizerError} `LEASE_LOST` when a later holder of the lease has declared this run ended
   */
  async begin(
    position: number,
    step: Pick<JournalStep, "kind" | "collection" | "index" | "before" | "wanted" | "startedAt">,
  ): Promise<void> {
    await this.#beginRun();
    const entry = { ...step, state: "running" };
    await this.#journal.updateOne({ _id: this.#stepId(position) }, { $set: entry }, { upsert: true });
  }

  async end(
    position: number,
    end: Pick<JournalStep, "state" | "after" | "error"> & { endedAt: Date },
  ): Promise<void> {
    await this.#journal.updateOne({ _id: this.#stepId(position) }, { $set: end });
  }

  async finish(state: RunState, endedAt: Date): Promise<void> {
    if (!this.#begun) return;
    await this.#journal.updateOne({ _id: this.runId, state: "running" } as never, {
      $set: { state, endedAt },
    });
  }

  async #beginRun(): Promise<void> {
    if (this.#begun) {
      const ours = await this.#journal.findOne({ _id: this.runId, state: "running" } as never);
      if (ours) return;
      throw new OptimizerError("LEASE_LOST", "A later run took over and declared this one interrupted");
    }
    const { now, ...start } = this.#start;
    await this.#endOlderRuns(start.fencing, now);
    const run = { ...start, state: "running", startedAt: now };
    // Sent once more, it finds what it has written.
    await this.#journal.updateOne({ _id: this.runId }, { $setOnInsert: run }, { upsert: true });
    this.#begun = true;
  }

  // The holder of the lease knows that earlier holders have stopped. Runs without a lease (0) may still be working.
  async #endOlderRuns(fencing: number, now: Date): Promise<void> {
    const older = { _id: within(runPrefix), state: "running", fencing: { $gt: 0, $lt: fencing } };
    await this.#journal.updateMany(older as never, { $set: { state: "interrupted", endedAt: now } });
  }

  #stepId(position: number): string {
    return `${stepPrefix}${this.#key} ${String(position).padStart(5, "0")}`;
  }
}

/** The last runs, the newest first. Reads only. */
export async function journalRuns(connection: Connection, limit = 20): Promise<JournalRun[]> {
  const runs = journalOf<JournalRun>(connection);
  return runs
    .find({ _id: within(runPrefix) } as never)
    .sort({ _id: -1 })
    .limit(limit)
    .toArray();
}

/** The steps of a run that were begun, in their order. Reads only. */
export async function journalSteps(connection: Connection, runId: string): Promise<JournalStep[]> {
  const prefix = `${stepPrefix}${runId.slice(runPrefix.length)} `;
  const steps = journalOf<JournalStep>(connection);
  return steps
    .find({ _id: within(prefix) } as never)
    .sort({ _id: 1 })
    .toArray();
}

/** Notes that a run was reversed. */
export async function markReversed(connection: Connection, runId: string, by: string): Promise<void> {
  await journalOf(connection).updateOne({ _id: runId }, { $set: { reversedBy: by } });
}
