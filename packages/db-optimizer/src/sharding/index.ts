// Shard keys, weighed.

export type { QueryTarget, ShardKeyCandidate, ShardKeyProblem } from "./judge.js";
export { shardKeyCosts } from "./judge.js";
export type { KeyMeasure } from "./measure.js";
export type { CollectionShardPlan, ShardPlanInput } from "./plan.js";
export { planSharding } from "./plan.js";
export type { ShardPlan, ShardPlanOptions } from "./read.js";
export { readShardPlan } from "./read.js";
export type { Target } from "./targeting.js";
export { targetOf } from "./targeting.js";
export { isRefused } from "./writes.js";
