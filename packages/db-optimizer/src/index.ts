export type { AdviseOptions } from "./advise/advise.js";
export { adviseIndexes } from "./advise/advise.js";
export type { AdviceLimits } from "./advise/limits.js";
export { adviceLimitsSchema } from "./advise/limits.js";
export type { Measured, WriteCost } from "./advise/measure.js";
export type {
  AdviceReport,
  IndexAdvice,
  Rejection,
  RejectionCode,
  ReportedQuery,
  ServedQuery,
} from "./advise/report.js";
export type { WorkloadQuery } from "./advise/workload.js";
export { cleanupLease, cleanupRuns, controlCleanup } from "./cleanup/control.js";
export type { ControllerLimits, ControllerState } from "./cleanup/controller.js";
export type { Latency } from "./cleanup/latency.js";
export type { CleanupOptions } from "./cleanup/options.js";
export type {
  CleanupProgress,
  CleanupReport,
  CleanupStop,
  CollectionImpact,
  CollectionSize,
  LagImpact,
  RuleReport,
  TimeEstimate,
  UnknownSignal,
} from "./cleanup/report.js";
export type { CleanupAction, CleanupRule } from "./cleanup/rules.js";
export { cleanupActionSchema, cleanupRuleSchema } from "./cleanup/rules.js";
export type { CleanupPause, CleanupRun, CleanupState, RuleState } from "./cleanup/run-store.js";
export { checkCleanupRules, runCleanup } from "./cleanup/runner.js";
export type { SetAsideReport } from "./cleanup/set-aside.js";
export type { LoadSignal, ThrottleLimits, ThrottleReason } from "./cleanup/throttle.js";
export { loadSignals } from "./cleanup/throttle.js";
export type { TtlBacklog, TtlOptions } from "./cleanup/ttl.js";
export { drainRules, ttlBacklog } from "./cleanup/ttl.js";
export type { CleanupWindow } from "./cleanup/window.js";
export { cleanupWindowSchema } from "./cleanup/window.js";
export { lowerCpuPriority } from "./cpu-priority.js";
export type { OptimizerErrorCode, OptimizerErrorKind } from "./errors.js";
export { errorKinds, isOptimizerError, OptimizerError, toOptimizerError } from "./errors.js";
export type { PlanExpectation } from "./explain/expect.js";
export { expectQueryPlan } from "./explain/expect.js";
export type { JoinPlan, QueryPlan } from "./explain/explain.js";
export { summariseExplain } from "./explain/explain.js";
export { explainQuery } from "./explain/run-explain.js";
export type { HealthCheck, HealthCheckResult } from "./health/checks.js";
export { healthCheckResultSchema, healthCheckSchema } from "./health/checks.js";
export type {
  DeepFacts,
  GrowthFacts,
  HealthFacts,
  OperationCount,
  Probed,
  QueryFacts,
  ReplicationFacts,
  SampleFacts,
  SecurityFacts,
  Topology,
} from "./health/facts.js";
export type { FigureName, FigureUnit, HealthFigure } from "./health/figures.js";
export { figureText } from "./health/figures.js";
export type { HealthFinding, HealthPart, Severity } from "./health/finding.js";
export type { Projection } from "./health/growth.js";
export type { HealthOptions, HealthReport } from "./health/health.js";
export { checkHealth } from "./health/health.js";
export type { HealthKeeping, KeptHealth } from "./health/kept.js";
export type { HealthScore, ScorePart } from "./health/score.js";
export { partWeights, severityCosts } from "./health/score.js";
export type { HealthThresholds } from "./health/thresholds.js";
export { thresholdsSchema } from "./health/thresholds.js";
export type { FigureComparison } from "./health/week-ago.js";
export type { ApplyOptions, ApplyProgress, ApplyResult, StepResult } from "./indexes/apply.js";
export { applyPlan } from "./indexes/apply.js";
export type { BuildProgress } from "./indexes/build.js";
export type { Collation } from "./indexes/collation.js";
export type { CollectionStepResult } from "./indexes/collection-runs.js";
export type { CollectionStep, CollectionStepKind } from "./indexes/collection-step.js";
export { collectionRisk } from "./indexes/collection-step.js";
export type { ExpectedIndex, PlanNote } from "./indexes/declared.js";
export { expectedIndexes } from "./indexes/declared.js";
export type { ChangedIndex, ChangeKind, DriftReport, IndexDifference } from "./indexes/diff.js";
export { diffIndexes } from "./indexes/diff.js";
export type { Duplicate } from "./indexes/duplicates.js";
export type { BuildEstimate, IndexedSize } from "./indexes/estimate.js";
export type { Expiring } from "./indexes/expiry.js";
export type { ActualCollection, ActualIndex } from "./indexes/inspect.js";
export { inspectIndexes } from "./indexes/inspect.js";
export type { JournalRun, JournalStep, RunState, StepEnd, StepOutcome } from "./indexes/journal.js";
export { journalRuns, journalSteps } from "./indexes/journal.js";
export type {
  Observation,
  ObservationVerdict,
  PlanMark,
  RunningScan,
  Signals,
  SlowMark,
} from "./indexes/observation.js";
export { judgeObservation } from "./indexes/observation.js";
export { openObservations } from "./indexes/observe.js";
export type { Plan, PlanInput, PlanStep, Risk, StepKind } from "./indexes/plan.js";
export { planIndexes } from "./indexes/plan.js";
export type { DropInput } from "./indexes/plan-drops.js";
export type { ReadPlanOptions } from "./indexes/read-plan.js";
export type { RedundantIndex } from "./indexes/redundant.js";
export { redundantIndexes } from "./indexes/redundant.js";
export type { RollbackPlan, RollbackRefusal } from "./indexes/rollback.js";
export { planRollback, readRollback, runRollback } from "./indexes/rollback.js";
export { inspectSizes } from "./indexes/sizes.js";
export type { IndexKey, IndexKeyKind, IndexOption, IndexSpec, TextSettings } from "./indexes/spec.js";
export type { IndexUse, UnusedFinding, UnusedInput, UnusedVerdict } from "./indexes/unused.js";
export { judgeUse } from "./indexes/unused.js";
export type { Lease, LeaseOptions } from "./lease.js";
export { leaseHeldUntil, withLease } from "./lease.js";
export type { Migration, SourceWrite, TargetDocument, TargetsByCollection } from "./migrate/definition.js";
export { assertMigration } from "./migrate/definition.js";
export { MigrationGate } from "./migrate/gate.js";
export type { MigrateOptions } from "./migrate/migrate.js";
export {
  contractMigration,
  migrateUp,
  rollbackMigration,
  verifyMigration,
} from "./migrate/migrate.js";
export type { Layout, MigrationPhase, MigrationRoute, MigrationWay, UpTo } from "./migrate/phases.js";
export { migrationPhases, routeOf } from "./migrate/phases.js";
export type {
  MigrationProgress,
  MigrationReport,
  Mismatch,
  MismatchKind,
  VerifyReport,
} from "./migrate/report.js";
export { idText } from "./migrate/report.js";
export type { Checkpoint, MigrationState, PhaseChange } from "./migrate/state.js";
export type { MigrationPlan, MigrationStatus } from "./migrate/status.js";
export { migrationStatus, planMigration } from "./migrate/status.js";
export type { ModelLike, SchemaLike } from "./model.js";
export { assertModel } from "./model.js";
export type { NamedQuery } from "./named-query.js";
export type { Advice } from "./optimize/advice.js";
export { candidateIndex } from "./optimize/advice.js";
export type { QueryAnalysis, QueryProblem } from "./optimize/analyse.js";
export type { Join, LookupFacts } from "./optimize/lookups.js";
export type { OptimizeOptions, OptimizeReport } from "./optimize/optimize.js";
export { analysePerformance } from "./optimize/optimize.js";
export type { QueryShape } from "./optimize/shape.js";
export type { SlowOperations, SlowShape } from "./optimize/slow.js";
export type { DatabaseOptimizerOptions } from "./optimizer.js";
export { DatabaseOptimizer } from "./optimizer.js";
export type { DatabaseEvent, DatabaseOperation, RecordEvent, Recording, SecurityFinding } from "./record.js";
export { recordOperation } from "./record.js";
export type { InitializeOptions, InitializeResult, SetupCheck, SetupPlan } from "./setup/initialize.js";
export { initialize, planSetup } from "./setup/initialize.js";
export type { DatabaseInitializerOptions } from "./setup/initializer.js";
export { DatabaseInitializer } from "./setup/initializer.js";
export type { JsonSchema } from "./setup/json-schema.js";
export { jsonSchemaOf } from "./setup/json-schema.js";
export type { BrokenPath, SchemaSample } from "./setup/sample-schema.js";
export type { ValidationAction } from "./setup/validators.js";
export type { Violation, ViolationKind } from "./setup/violations.js";
export { violationsOf } from "./setup/violations.js";
export type { QueryTarget, ShardKeyCandidate, ShardKeyProblem } from "./sharding/judge.js";
export { shardKeyCosts } from "./sharding/judge.js";
export type { KeyMeasure } from "./sharding/measure.js";
export type { CollectionShardPlan, ShardPlanInput } from "./sharding/plan.js";
export { planSharding } from "./sharding/plan.js";
export type { ShardPlan, ShardPlanOptions } from "./sharding/read.js";
export { readShardPlan } from "./sharding/read.js";
export type { Target } from "./sharding/targeting.js";
export { targetOf } from "./sharding/targeting.js";
export type { StorageLimits } from "./storage/limits.js";
export { storageLimitsSchema } from "./storage/limits.js";
export type { CollectionStorage, StorageCode, StorageFinding, StorageReport } from "./storage/report.js";
export { storageReport } from "./storage/report.js";
export type { ArrayField, SampleShape } from "./storage/shape.js";
