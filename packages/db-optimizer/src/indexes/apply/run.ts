// A run: what it is given, what it reports, and what became of its steps.
import type { Connection } from "mongoose";
import type { OptimizerError } from "../../core/errors.js";
import type { NamedQuery } from "../../core/named-query.js";
import type { Lease } from "../../jobs/lease.js";
import type { BuildProgress } from "../steps/build.js";
import type { Consents } from "../steps/kind.js";
import type { StepEnd } from "../steps/outcome.js";
import type { CollectionStep, IndexStep, PlanStep } from "../steps/steps.js";
import type { JournalWriter } from "./journal.js";

/** A step with its outcome. */
export interface StepResult<Step extends PlanStep = IndexStep> extends StepEnd {
  readonly step: Step;
  readonly elapsedMs: number;
  readonly error?: OptimizerError;
}

/** A step on a collection with its outcome. */
export type CollectionStepResult = StepResult<CollectionStep>;

/** Result of applying a plan. */
export interface ApplyResult {
  /** Whether anything was written to the indexes. */
  readonly changed: boolean;
  /** Whether every step is settled, or is being observed. */
  readonly complete: boolean;
  readonly steps: readonly StepResult[];
  /** Id of the run in the journal; absent when nothing was begun. */
  readonly runId?: string;
}

/** Told before and after each step, and while the server builds. */
export interface ApplyProgress {
  readonly step: IndexStep;
  /** From 1. */
  readonly position: number;
  readonly total: number;
  /** Absent while the step runs. */
  readonly result?: StepResult;
  /** How far the server is, where it says so; once a second. */
  readonly build?: BuildProgress;
}

/** Options of `applyPlan`. */
export interface ApplyOptions {
  /** Whether steps that replace an index may run. Default false. */
  readonly rebuild?: boolean;
  /** Whether an index may be dropped when its observation is over, or when a rollback takes it back. Default false. */
  readonly drop?: boolean;
  /** Whether an expiry may be set that deletes documents at once. Default false. */
  readonly allowExpiry?: boolean;
  /** Seconds from hiding an index to dropping it. Default 604,800, which is seven days. */
  readonly observeSeconds?: number;
  /** Queries whose plans are watched while an index is hidden. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Operations slower than this count as slow during an observation, milliseconds. Default 100. */
  readonly slowOperationMs?: number;
  /** Name of the caller, for the journal. Default: user and host of this process. */
  readonly by?: string;
  /** The moment at which the run begins. Default: the server's clock. */
  readonly now?: Date;
  /** Confirmed before every write. Without one, several processes may apply at once, as long as nothing is rebuilt. */
  readonly lease?: Pick<Lease, "fencing" | "confirm">;
  /** Stops before the next step or the next try; an index under construction is given up. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ApplyProgress) => void;
  /** Milliseconds from any fixed point. Default `performance.now`. */
  readonly clock?: () => number;
}

/** A run that may write: nothing is in the journal before its first step. */
export interface OpenRun {
  readonly connection: Connection;
  readonly journal: JournalWriter;
  readonly options: ApplyOptions & Consents;
  /** The moment, by the server's clock. */
  moment(): Date;
}
