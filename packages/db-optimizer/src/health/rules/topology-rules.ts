// Rules of the way to the server, of its members and of its shards.
import type { MemberFacts } from "../facts/facts.js";
import { type HealthRule, known } from "./rule.js";

const healthy = new Set(["PRIMARY", "SECONDARY", "ARBITER"]);
/** On their way to being healthy again. */
const recovering = new Set(["STARTUP", "STARTUP2", "RECOVERING"]);

export const topologyRules: readonly HealthRule[] = [
  {
    code: "SLOW_CONNECTION",
    part: "connection",
    severity: "warning",
    find({ connection }, { pingMs }) {
      const p50 = known(connection)?.pingP50Ms ?? 0;
      const evidence = `median ${p50.toFixed(1)} ms, above ${pingMs} ms`;
      return p50 > pingMs && { subject: "*", message: "The server is far away or busy", evidence };
    },
  },
  {
    code: "STANDALONE",
    part: "topology",
    severity: "warning",
    find: ({ topology }) =>
      known(topology)?.kind === "standalone" && {
        subject: "*",
        message: "A standalone server has no copy of the data and no transactions",
        evidence: "hello names no replica set",
      },
  },
  {
    code: "FEW_MEMBERS",
    part: "topology",
    severity: "info",
    command: "rs.conf()",
    find({ topology }) {
      const { kind, members = 0 } = known(topology) ?? {};
      return (
        kind === "replica_set" &&
        members < 3 && {
          subject: "*",
          message: "A replica set of fewer than three data-bearing members can't lose one",
          evidence: `${members} member(s)`,
        }
      );
    },
  },
  {
    code: "NO_PRIMARY",
    part: "topology",
    severity: "critical",
    command: "rs.status()",
    find({ topology }) {
      const { kind = "sharded", writablePrimary } = known(topology) ?? {};
      const evidence = "hello: isWritablePrimary is false";
      return (
        kind !== "sharded" &&
        !writablePrimary && { subject: "*", message: "The server does not take writes", evidence }
      );
    },
  },
  {
    code: "OLD_SERVER",
    part: "topology",
    severity: "warning",
    find({ topology }) {
      const version = known(topology)?.version ?? "";
      const message = "MongoDB before 6.0 is no longer supported";
      return Number.parseInt(version, 10) < 6 && { subject: "*", message, evidence: `version ${version}` };
    },
  },
  {
    code: "ONE_SHARD",
    part: "topology",
    severity: "info",
    command: "org-db shard-plan",
    find: ({ topology }) =>
      known(topology)?.shards === 1 &&
      known(topology)?.kind === "sharded" && {
        subject: "*",
        message: "A cluster of one shard pays for routers and gains nothing",
        evidence: "listShards names one",
      },
  },
  {
    code: "BALANCER_OFF",
    part: "topology",
    severity: "warning",
    command: "sh.startBalancer()",
    find: ({ topology }) =>
      known(topology)?.balancing === false &&
      known(topology)?.kind === "sharded" && {
        subject: "*",
        message: "Chunks are not moved, so shards grow unevenly",
        evidence: "balancerStatus: mode is off",
      },
  },
  {
    code: "MEMBER_UNHEALTHY",
    part: "topology",
    severity: "warning",
    command: "rs.status()",
    *find({ replication }, { memberSilentMs }) {
      for (const member of known(replication)?.members ?? []) {
        const { name, state, silentMs, seenMs = 0 } = member;
        if (healthy.has(state) && silentMs === undefined) continue;
        const broken = silentMs === undefined && !recovering.has(state);
        const forLong = Math.max(silentMs ?? 0, seenMs) > memberSilentMs;
        yield {
          subject: name,
          severity: broken || forLong ? "critical" : "warning",
          message: `Member ${name} does not take part`,
          evidence: `it is ${state}${sinceText(member)}`,
        };
      }
    },
  },
  {
    code: "MEMBER_STALE",
    part: "topology",
    severity: "critical",
    command: "rs.status()",
    find: ({ replication }, limits) =>
      lagFindings(lagging(replication, limits).stale, limits, (name) => {
        return `Member ${name} lags behind by more than the oplog holds: it needs a full resync`;
      }),
  },
  {
    code: "MEMBER_LAGS",
    part: "topology",
    severity: "warning",
    command: "rs.printSecondaryReplicationInfo()",
    find: ({ replication }, limits) =>
      lagFindings(
        lagging(replication, limits).late,
        limits,
        (name) => `Member ${name} lags behind the primary`,
      ),
  },
  {
    code: "OPLOG_SHORT",
    part: "topology",
    severity: "warning",
    command: "db.adminCommand({ replSetResizeOplog: 1, minRetentionHours: 24 })",
    find({ replication }, { oplogHours }) {
      const { members = [], oplogHours: window } = known(replication) ?? {};
      const hours = (window && known(window)) ?? Number.POSITIVE_INFINITY;
      return (
        members.length > 1 &&
        hours < oplogHours && {
          subject: "*",
          message: "A member that is away for longer than the oplog reaches back needs a full resync",
          evidence: `it reaches back ${hours.toFixed(1)} h, less than ${oplogHours} h`,
        }
      );
    },
  },
];

function sinceText({ silentMs, seenMs = 0 }: MemberFacts): string {
  return [
    ...(silentMs === undefined ? [] : [`, silent for ${Math.round(silentMs / 1_000)} s`]),
    ...(seenMs > 0 ? [`, seen so for ${Math.round(seenMs / 1_000)} s`] : []),
  ].join("");
}

type Replication = Parameters<HealthRule["find"]>[0]["replication"];
type LagLimit = Pick<Parameters<HealthRule["find"]>[1], "replicationLagMs">;

function lagging(replication: Replication, { replicationLagMs }: LagLimit) {
  const { members = [], oplogHours } = known(replication) ?? {};
  const window = oplogHours && known(oplogHours);
  const windowMs = window === undefined ? Number.POSITIVE_INFINITY : window * 3_600_000;
  const behind = members
    .map(({ name, lagMs = 0 }) => ({ name, lagMs }))
    .filter(({ lagMs }) => lagMs > replicationLagMs);
  return {
    late: behind.filter(({ lagMs }) => lagMs <= windowMs),
    stale: behind.filter(({ lagMs }) => lagMs > windowMs),
  };
}

const lagFindings = (
  members: readonly { readonly name: string; readonly lagMs: number }[],
  { replicationLagMs }: LagLimit,
  messageOf: (name: string) => string,
) =>
  members.map(({ name, lagMs }) => ({
    subject: name,
    message: messageOf(name),
    evidence: `${(lagMs / 1_000).toFixed(1)} s behind, above ${replicationLagMs / 1_000} s`,
  }));
