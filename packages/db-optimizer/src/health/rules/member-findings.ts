import type { ParsedThresholds } from "../../core/thresholds.js";
import type { MemberFacts, ReplicationFacts, TopologyFacts } from "../facts/facts.js";
import type { HealthFinding, Severity } from "./finding.js";

const well = new Set(["PRIMARY", "SECONDARY", "ARBITER"]);
/** On their way to being well again. */
const mending = new Set(["STARTUP", "STARTUP2", "RECOVERING"]);

/** What the facts say of a replica set's members and of a cluster's shards. Pure. */
export function memberFindings(
  { members, oplogHours }: ReplicationFacts,
  thresholds: ParsedThresholds,
): HealthFinding[] {
  const window = oplogHours.known ? oplogHours.value : undefined;
  return [
    ...members.flatMap((member) => memberFinding(member, thresholds)),
    ...members.flatMap((member) => lagFinding(member, window, thresholds)),
    ...(window !== undefined && members.length > 1 && window < thresholds.oplogHours
      ? [
          topology(
            "OPLOG_SHORT",
            "warning",
            "A member that is away for longer than the oplog reaches back must copy all data anew",
            `it reaches back ${window.toFixed(1)} h, less than ${thresholds.oplogHours} h`,
            "db.adminCommand({ replSetResizeOplog: 1, minRetentionHours: 24 })",
          ),
        ]
      : []),
  ];
}

function memberFinding(
  { name, state, silentMs, seenMs = 0 }: MemberFacts,
  { memberSilentMs }: ParsedThresholds,
): HealthFinding[] {
  if (well.has(state) && silentMs === undefined) return [];
  const broken = silentMs === undefined && !mending.has(state);
  const forLong = Math.max(silentMs ?? 0, seenMs) > memberSilentMs;
  const since = [
    ...(silentMs === undefined ? [] : [`, silent for ${Math.round(silentMs / 1_000)} s`]),
    ...(seenMs > 0 ? [`, seen so for ${Math.round(seenMs / 1_000)} s`] : []),
  ].join("");
  return [
    topology(
      "MEMBER_UNWELL",
      broken || forLong ? "critical" : "warning",
      `Member ${name} does not take part`,
      `it is ${state}${since}`,
      "rs.status()",
    ),
  ];
}

function lagFinding(
  { name, lagMs = 0 }: MemberFacts,
  windowHours: number | undefined,
  { replicationLagMs }: ParsedThresholds,
): HealthFinding[] {
  if (lagMs <= replicationLagMs) return [];
  const lost = windowHours !== undefined && lagMs > windowHours * 3_600_000;
  const evidence = `${(lagMs / 1_000).toFixed(1)} s behind, above ${replicationLagMs / 1_000} s`;
  return [
    lost
      ? topology(
          "MEMBER_STALE",
          "critical",
          `Member ${name} is further behind than the oplog reaches back: it must copy all data anew`,
          evidence,
          "rs.status()",
        )
      : topology(
          "MEMBER_LAGS",
          "warning",
          `Member ${name} lags behind the primary`,
          evidence,
          "rs.printSecondaryReplicationInfo()",
        ),
  ];
}

/** What the facts say of a sharded cluster. Pure. */
export function shardFindings({ kind, shards, balancing }: TopologyFacts): HealthFinding[] {
  if (kind !== "sharded") return [];
  return [
    ...(shards === 1
      ? [
          topology(
            "ONE_SHARD",
            "info",
            "A cluster of one shard pays for routers and gains nothing",
            "listShards names one",
            "org-db shard-plan",
          ),
        ]
      : []),
    ...(balancing === false
      ? [
          topology(
            "BALANCER_OFF",
            "warning",
            "Chunks are not moved, so shards grow unevenly",
            "balancerStatus: mode is off",
            "sh.startBalancer()",
          ),
        ]
      : []),
  ];
}

function topology(
  code: string,
  severity: Severity,
  message: string,
  evidence: string,
  command: string,
): HealthFinding {
  return { code, part: "topology", severity, message, evidence, command };
}
