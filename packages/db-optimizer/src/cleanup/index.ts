// Cleanup rules, and the runs of cleanups.

export type { CollectionSize } from "../core/server/collection-size.js";
export { cleanupLease, cleanupRuns, controlCleanup } from "./control.js";
export type { CleanupOptions } from "./options.js";
export type {
  CleanupProgress,
  CleanupReport,
  CollectionImpact,
  LagImpact,
  RuleReport,
  TimeEstimate,
} from "./report.js";
export type { CleanupAction, CleanupRule } from "./rules.js";
export { cleanupActionSchema, cleanupRuleSchema } from "./rules.js";
export type { CleanupRun, CleanupState, RuleState } from "./run-store.js";
export { checkCleanupRules } from "./runner.js";
export type { TtlBacklog, TtlOptions } from "./ttl.js";
export { drainRules, ttlBacklog } from "./ttl.js";
