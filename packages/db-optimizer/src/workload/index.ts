// Queries: their plans, and advice on them.

export type { JoinPlan, QueryPlan } from "../queries/explain.js";
export { summariseExplain } from "../queries/explain.js";
export { explainQuery } from "../queries/run-explain.js";
export type { QueryShape } from "../queries/shape.js";
export type { SlowOperations, SlowShape } from "../queries/slow.js";
export type { Advice } from "./advice.js";
export { candidateIndex } from "./advice.js";
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
export type { QueryAnalysis, QueryProblem } from "./analyse.js";
export type { PlanExpectation } from "./expect.js";
export type { Join, LookupFacts } from "./lookups.js";
export type { OptimizeOptions, OptimizeReport } from "./optimize.js";
export { analysePerformance } from "./optimize.js";
