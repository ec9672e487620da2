export { cleanupLease, cleanupRuns, controlCleanup } from "./cleanup/control.js";
export type { CleanupOptions } from "./cleanup/options.js";
export type {
  CleanupProgress,
  CleanupReport,
  CollectionImpact,
  LagImpact,
  RuleReport,
  TimeEstimate,
} from "./cleanup/report.js";
export type { CleanupAction, CleanupRule } from "./cleanup/rules.js";
export { cleanupActionSchema, cleanupRuleSchema } from "./cleanup/rules.js";
export type { CleanupRun, CleanupState, RuleState } from "./cleanup/run-store.js";
export { checkCleanupRules, runCleanup } from "./cleanup/runner.js";
export type { TtlBacklog, TtlOptions } from "./cleanup/ttl.js";
export { drainRules, ttlBacklog } from "./cleanup/ttl.js";
export { lowerCpuPriority } from "./core/cpu-priority.js";
export type { OptimizerErrorCode, OptimizerErrorKind } from "./core/error-codes.js";
export { errorKinds } from "./core/error-codes.js";
export { isOptimizerError, OptimizerError, toOptimizerError } from "./core/errors.js";
export type { ModelLike, SchemaLike } from "./core/model.js";
export { assertModel } from "./core/model.js";
export type { NamedQuery } from "./core/named-query.js";
export type { CollectionSize } from "./core/server/collection-size.js";
export type { Latency } from "./core/server/latency.js";
export { storageLimitsSchema } from "./core/storage-limits.js";
export type { HealthThresholds } from "./core/thresholds.js";
export { thresholdsSchema } from "./core/thresholds.js";
export type { HealthCheck, HealthCheckResult } from "./health/checks.js";
export { healthCheckResultSchema, healthCheckSchema } from "./health/checks.js";
export type {
  DeepFacts,
  GrowthFacts,
  HealthFacts,
  KeptHealth,
  OperationCount,
  QueryFacts,
  ReplicationFacts,
  SampleFacts,
  SecurityFacts,
  Topology,
} from "./health/facts/facts.js";
export type { Projection } from "./health/facts/growth.js";
export type { HealthKeeping } from "./health/facts/kept.js";
export type { FigureName, FigureUnit, HealthFigure } from "./health/facts/measures.js";
export { figureText } from "./health/facts/measures.js";
export type { FigureComparison } from "./health/facts/week-ago.js";
export type { Probed } from "./health/facts/within.js";
export type { HealthOptions, HealthReport } from "./health/health.js";
export { checkHealth } from "./health/health.js";
export type { HealthFinding, HealthPart, Severity } from "./health/rules/finding.js";
export type { HealthScore, ScorePart } from "./health/rules/score.js";
export { partWeights, severityCosts } from "./health/rules/score.js";
export { applyPlan } from "./indexes/apply/apply.js";
export type { BuildProgress } from "./indexes/apply/build.js";
export type { CollectionStepResult } from "./indexes/apply/collection-runs.js";
export { collectionRisk } from "./indexes/apply/collection-step.js";
export type { JournalRun, JournalStep, RunState, StepEnd, StepOutcome } from "./indexes/apply/journal.js";
export { journalRuns, journalSteps } from "./indexes/apply/journal.js";
export type { RollbackPlan, RollbackRefusal } from "./indexes/apply/rollback.js";
export { planRollback, readRollback, runRollback } from "./indexes/apply/rollback.js";
export type { ApplyOptions, ApplyProgress, ApplyResult, StepResult } from "./indexes/apply/run.js";
export type { Collation } from "./indexes/collation.js";
export type { ExpectedIndex, PlanNote } from "./indexes/declared.js";
export { expectedIndexes } from "./indexes/declared.js";
export type { ActualCollection, ActualIndex } from "./indexes/inspect.js";
export { inspectIndexes } from "./indexes/inspect.js";
export type {
  Observation,
  ObservationVerdict,
  PlanMark,
  RunningScan,
  Signals,
  SlowMark,
} from "./indexes/observe/observation.js";
export { judgeObservation } from "./indexes/observe/observation.js";
export { openObservations } from "./indexes/observe/observe.js";
export type { ChangedIndex, ChangeKind, DriftReport, IndexDifference } from "./indexes/plan/diff.js";
export { diffIndexes } from "./indexes/plan/diff.js";
export type { Duplicate } from "./indexes/plan/duplicates.js";
export type { BuildEstimate, IndexedSize } from "./indexes/plan/estimate.js";
export type { Plan, PlanInput } from "./indexes/plan/plan.js";
export { planIndexes } from "./indexes/plan/plan.js";
export type { DropInput } from "./indexes/plan/plan-drops.js";
export type {
  CollectionStep,
  CollectionStepKind,
  Expiring,
  PlanStep,
  Risk,
  StepKind,
} from "./indexes/plan/plan-step.js";
export type { ReadPlanOptions } from "./indexes/plan/read-plan.js";
export type { RedundantIndex } from "./indexes/plan/redundant.js";
export { redundantIndexes } from "./indexes/plan/redundant.js";
export { inspectSizes } from "./indexes/plan/sizes.js";
export type { IndexUse, UnusedFinding, UnusedInput, UnusedVerdict } from "./indexes/plan/unused.js";
export { judgeUse } from "./indexes/plan/unused.js";
export type { IndexKey, IndexKeyKind, IndexOption, IndexSpec, TextSettings } from "./indexes/spec.js";
export type { DatabaseInitializerOptions } from "./initializer.js";
export { DatabaseInitializer } from "./initializer.js";
export type { Lease, LeaseOptions } from "./jobs/lease.js";
export { leaseHeldUntil, withLease } from "./jobs/lease.js";
export type { PaceLimits, PaceState } from "./jobs/pace.js";
export type { PauseReason, RunStop, UnknownSignal } from "./jobs/pacer.js";
export type { SetAsideReport } from "./jobs/set-aside.js";
export type { LoadSignal, ThrottleLimits, ThrottleReason } from "./jobs/throttle.js";
export { loadSignals } from "./jobs/throttle.js";
export type { CleanupWindow } from "./jobs/window.js";
export { cleanupWindowSchema } from "./jobs/window.js";
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
export type { DatabaseOptimizerOptions } from "./optimizer.js";
export { DatabaseOptimizer } from "./optimizer.js";
export type { JoinPlan, QueryPlan } from "./queries/explain.js";
export { summariseExplain } from "./queries/explain.js";
export { explainQuery } from "./queries/run-explain.js";
export type { QueryShape } from "./queries/shape.js";
export type { SlowOperations, SlowShape } from "./queries/slow.js";
export type { DatabaseEvent, DatabaseOperation, RecordEvent, Recording, SecurityFinding } from "./record.js";
export { recordOperation } from "./record.js";
export type { InitializeOptions, InitializeResult, SetupCheck, SetupPlan } from "./setup/initialize.js";
export { initialize, planSetup } from "./setup/initialize.js";
export { jsonSchemaOf } from "./setup/json-schema.js";
export type { BrokenPath, SchemaSample } from "./setup/sample-schema.js";
export type { JsonSchema } from "./setup/schema-types.js";
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
export type { CollectionStorage, StorageCode, StorageFinding, StorageReport } from "./storage/report.js";
export { storageReport } from "./storage/report.js";
export type { ArrayField, SampleShape } from "./storage/shape.js";
export type { Advice } from "./workload/advice.js";
export { candidateIndex } from "./workload/advice.js";
export type { AdviseOptions } from "./workload/advise/advise.js";
export { adviseIndexes } from "./workload/advise/advise.js";
export type { AdviceLimits } from "./workload/advise/limits.js";
export { adviceLimitsSchema } from "./workload/advise/limits.js";
export type { Measured, WriteCost } from "./workload/advise/measure.js";
export type {
  AdviceReport,
  IndexAdvice,
  Rejection,
  RejectionCode,
  ReportedQuery,
  ServedQuery,
} from "./workload/advise/report.js";
export type { WorkloadQuery } from "./workload/advise/workload.js";
export type { QueryAnalysis, QueryProblem } from "./workload/analyse.js";
export type { PlanExpectation } from "./workload/expect.js";
export { expectQueryPlan } from "./workload/expect.js";
export type { Join, LookupFacts } from "./workload/lookups.js";
export type { OptimizeOptions, OptimizeReport } from "./workload/optimize.js";
export { analysePerformance } from "./workload/optimize.js";
