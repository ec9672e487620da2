// Cleanup rules and their reports; the runs of cleanups are under `jobs`.

export type { CollectionSize } from "../core/server/collection-size.js";
export type { CleanupOptions } from "./options.js";
export type {
  CleanupReport,
  CollectionImpact,
  LagImpact,
  RuleReport,
  TimeEstimate,
} from "./report.js";
export type { CleanupAction, CleanupRule } from "./rules.js";
export { cleanupActionSchema, cleanupJob, cleanupRuleSchema } from "./rules.js";
export { checkCleanupRules, cleanupJobOf } from "./runner.js";
export type { TtlBacklog, TtlOptions } from "./ttl.js";
export { drainRules, ttlBacklog } from "./ttl.js";
