// The context that steps run in, and the writes that they send.
import type { Connection } from "mongoose";

import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import { withRetries } from "../../core/server/transient.js";
import type { Observation } from "../observe/observation.js";
import { saveObservation, type Watch } from "../observe/observe.js";
import { type BuildProgress, dropIndex } from "./build.js";
import type { StepEnd } from "./outcome.js";

/** The context that steps run in. */
export interface StepContext {
  readonly connection: Connection;
  /** Throws unless this process may still write; to be called right before each command that does. */
  confirm(): Promise<void>;
  /** Throws if somebody else has changed the index of this step since it began. */
  assertOurs(): Promise<void>;
  readonly signal: AbortSignal | undefined;
  onBuild(progress: BuildProgress): void;
  /** The moment, by the clock of the run. */
  moment(): Date;
  /** Id of the run in the journal. */
  readonly runId: string;
  readonly watch: Watch;
  /** Milliseconds from hiding to dropping. */
  readonly observeMs: number;
  /** Whether an index may be dropped once its observation is over. */
  readonly mayDrop: boolean;
  readonly observation: Observation | undefined;
}

/**
 * Sends a write, again when it failed of a step-down or of a connection that broke. It may have been done all the same,
 * and is one that the server then finds done: an index that exists is not built again, one under construction is waited
 * for, one that is gone is not missed.
 *
 * @throws {OptimizerError} `LEASE_LOST`; `INDEX_CONFLICT` when somebody else changed the index meanwhile; `ABORTED`
 */
export function write<T>(context: StepContext, send: () => Promise<T>): Promise<T> {
  const { confirm, assertOurs, signal } = context;
  return withRetries(async (attempt) => {
    if (attempt > 1) await assertOurs();
    await confirm();
    return send();
  }, signal);
}

/** Starts an observation, or writes on in one. */
export function noteObservation(
  context: StepContext,
  place: Pick<Observation, "collection" | "index">,
  change: Partial<Observation>,
): Promise<void> {
  return write(context, () => saveObservation(context.connection, place, change));
}

/** Ends an observation without dropping the index. */
export function endObservation(
  context: StepContext,
  place: Pick<Observation, "collection" | "index">,
  harm: readonly string[],
): Promise<void> {
  return noteObservation(context, place, { state: "unhidden", harm });
}

/** Changes an index in place. */
export async function collMod(
  context: StepContext,
  collection: string,
  index: Document,
  options: Document = {},
): Promise<void> {
  const db = databaseOf(context.connection);
  await write(context, () => db.command({ collMod: collection, index, ...options }));
}

/** Drops an index of ours, or one whose owner asked for it. */
export async function drop(context: StepContext, collection: string, name: string): Promise<StepEnd> {
  await write(context, () => dropIndex(databaseOf(context.connection), { collection, name }));
  return { outcome: "done" };
}
