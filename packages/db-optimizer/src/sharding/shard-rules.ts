// Rules of shard plans: collections that want a shard key, or another one.
import { applyRules, type Finding, type Rule } from "../core/finding.js";
import type { ShardKeyCandidate } from "./judge.js";
import type { CollectionShardPlan } from "./plan.js";

function rule(code: string, severity: Finding["severity"], of: CollectionShardPlan["verdict"], what: string) {
  const found: Rule<readonly CollectionShardPlan[]> = {
    code,
    part: "topology",
    severity,
    *find(plans) {
      for (const { collection, verdict, reason, candidates, current, commands } of plans) {
        const [best] = candidates;
        if (verdict !== of || !best) continue;
        const instead = current ? `, instead of ${pointsText(current)}` : "";
        yield {
          subject: collection,
          message: `Collection ${collection} ${what}: ${reason}`,
          evidence: `best shard key ${pointsText(best)}${instead}`,
          command: commands.join("\n"),
        };
      }
    },
  };
  return found;
}

const rules = [
  rule("SHARD_KEY_WANTED", "warning", "shard", "is to be sharded"),
  rule("SHARD_KEY_POOR", "warning", "reshard", "is to be resharded"),
];

/** Findings from shard plans. Pure. */
export function shardFindings(plans: readonly CollectionShardPlan[]): Finding[] {
  return applyRules(rules, plans, undefined);
}

function pointsText({ key, points }: ShardKeyCandidate): string {
  return `{ ${key.map(({ field, kind }) => `${field}: ${kind}`).join(", ")} } with ${points} points`;
}
