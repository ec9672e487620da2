// Parts of a health check: thresholds, custom checks, figures and weights.

export type { Finding, FindingPart, Severity } from "../core/finding.js";
export { findingSchema } from "../core/finding.js";
export { storageLimitsSchema } from "../core/storage-limits.js";
export type { HealthThresholds } from "../core/thresholds.js";
export { thresholdsSchema } from "../core/thresholds.js";
export type { HealthCheck, HealthCheckResult } from "./checks.js";
export { healthCheckResultSchema, healthCheckSchema } from "./checks.js";
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
} from "./facts/facts.js";
export type { Projection } from "./facts/growth.js";
export type { HealthKeeping } from "./facts/kept.js";
export type { FigureName, FigureUnit, HealthFigure } from "./facts/measures.js";
export { figureText } from "./facts/measures.js";
export type { FigureComparison } from "./facts/week-ago.js";
export type { Probed, Unread } from "./facts/within.js";
export type { ClockedHealthOptions, HealthOptions, HealthReport } from "./health.js";
export type { HealthScore, ScorePart } from "./rules/score.js";
export { partWeights, severityCosts } from "./rules/score.js";
