// Queries: their plans, and advice on them.

export { checkedQueries } from "../core/named-query.js";
export type { JoinPlan, QueryPlan } from "../queries/explain.js";
export { summariseExplain } from "../queries/explain.js";
export type { Join } from "../queries/pipeline.js";
export { explainQuery } from "../queries/run-explain.js";
export type { QueryShape } from "../queries/shape.js";
export type { SlowOperations, SlowShape } from "../queries/slow.js";
export { candidateIndex } from "./advice.js";
export type { AdviseOptions, OptimizeOptions } from "./analysis.js";
export { adviseIndexes, analysePerformance } from "./analysis.js";
export type { PlanExpectation } from "./expect.js";
export type { QueryAnalysis, QueryProblem } from "./judge.js";
export type { AdviceLimits } from "./limits.js";
export { adviceLimitsSchema } from "./limits.js";
export type { WorkloadQuery } from "./load.js";
export type { LookupFacts } from "./lookups.js";
export type { Measured, WriteCost } from "./measure.js";
export type {
  IndexAdvice,
  Rejection,
  RejectionCode,
  ReportedQuery,
  ServedQuery,
  WorkloadReport,
} from "./report.js";
