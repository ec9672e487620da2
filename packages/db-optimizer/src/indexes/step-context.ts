import type { Connection } from "mongoose";

import type { Document } from "../model.js";
import { type BuildProgress, dropIndex } from "./build.js";
import { databaseOf } from "./inspect.js";
import type { StepOutcome } from "./journal.js";
import type { Observation } from "./observation.js";
import type { Watch } from "./observe.js";

/** What steps are carried out with. */
export interface StepContext {
  readonly connection: Connection;
  /** Throws unless this process may still write; to be called right before each command that does. */
  confirm(): Promise<void>;
  readonly signal: AbortSignal | undefined;
  onBuild(progress: BuildProgress): void;
  readonly now: Date;
  /** Id of the run in the journal. */
  readonly runId: string;
  readonly watch: Watch;
  /** Milliseconds from hiding to dropping. */
  readonly observeMs: number;
  /** Whether an index may be dropped once its observation is over. */
  readonly mayDrop: boolean;
  readonly observation: Observation | undefined;
}

/** Changes an index in place. */
export async function collMod(
  { connection, confirm }: StepContext,
  collection: string,
  index: Document,
  options: Document = {},
): Promise<void> {
  await confirm();
  await databaseOf(connection).command({ collMod: collection, index, ...options });
}

/** Drops an index of ours, or one whose owner asked for it. */
export async function drop(
  { connection, confirm }: StepContext,
  collection: string,
  name: string,
): Promise<StepOutcome> {
  await confirm();
  await dropIndex(databaseOf(connection), { collection, name });
  return "done";
}
