// Indexes: declared, inspected, compared, planned, applied, observed and rolled back.
export { applyPlan } from "./apply/apply.js";
export type { JournalRun, JournalStep, RunState } from "./apply/journal.js";
export { journalRuns, journalSteps } from "./apply/journal.js";
export type { RollbackPlan, RollbackRefusal } from "./apply/rollback.js";
export { planRollback, readRollback, runRollback } from "./apply/rollback.js";
export type {
  ApplyOptions,
  ApplyProgress,
  ApplyResult,
  CollectionStepResult,
  StepResult,
} from "./apply/run.js";
export type { Collation } from "./collation.js";
export type { ExpectedIndex, PlanNote } from "./declared.js";
export { expectedIndexes } from "./declared.js";
export type { ActualCollection, ActualIndex } from "./inspect.js";
export { inspectIndexes } from "./inspect.js";
export type {
  Observation,
  ObservationVerdict,
  PlanMark,
  RunningScan,
  Signals,
  SlowMark,
} from "./observe/observation.js";
export { judgeObservation } from "./observe/observation.js";
export { openObservations } from "./observe/observe.js";
export type { ChangedIndex, ChangeKind, DriftReport, IndexDifference } from "./plan/diff.js";
export { diffIndexes } from "./plan/diff.js";
export type { Plan, PlanInput } from "./plan/plan.js";
export { planIndexes } from "./plan/plan.js";
export type { DropInput } from "./plan/plan-drops.js";
export type { ReadPlanOptions } from "./plan/read-plan.js";
export type { RedundantIndex } from "./plan/redundant.js";
export { redundantIndexes } from "./plan/redundant.js";
export { inspectSizes } from "./plan/sizes.js";
export type { IndexUse, UnusedFinding, UnusedInput, UnusedVerdict } from "./plan/unused.js";
export { judgeUse } from "./plan/unused.js";
export type { IndexKey, IndexKeyKind, IndexOption, IndexSpec, TextSettings } from "./spec.js";
export type { BuildProgress } from "./steps/build.js";
export type { Duplicate } from "./steps/duplicates.js";
export type { BuildEstimate, IndexedSize } from "./steps/estimate.js";
export type { Expiring, ExpiryTarget } from "./steps/expiring.js";
export type { Consents, Risk } from "./steps/kind.js";
export type { StepEnd, StepOutcome } from "./steps/outcome.js";
export type { CollectionStep, IndexStep, PlanStep, StepName } from "./steps/steps.js";
export { consentsOf, dropPhaseOf, stepVerb } from "./steps/steps.js";
