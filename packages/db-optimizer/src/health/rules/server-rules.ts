// Rules of what the server does and how it copes: its load, its operations, and how both compare with a week ago.
import { shellText } from "../../indexes/command.js";
import type { ServerFacts } from "../facts/facts.js";
import { figureText, measures } from "../facts/measures.js";
import { type HealthRule, known, listOf, percent } from "./rule.js";
import { stopCommand } from "./stop-command.js";

/** Before it has run so long, a server's cache is cold for a reason. */
const warmAfterSeconds = 3_600;

type Limits = Parameters<HealthRule["find"]>[1];
type Seen = string | false | undefined;

/** A rule of one figure of `serverStatus`: its message, and what was seen where the figure is over its limit. */
function load(
  code: string,
  severity: HealthRule["severity"],
  message: string,
  seen: (server: ServerFacts, limits: Limits) => Seen,
): HealthRule {
  return {
    code,
    part: "operations",
    severity,
    command: "db.serverStatus()",
    find({ server }, limits) {
      const evidence = server.known && seen(server.value, limits);
      return evidence ? { subject: "*", message, evidence } : undefined;
    },
  };
}

export const serverRules: readonly HealthRule[] = [
  {
    code: "SLOW_OPERATION",
    part: "operations",
    severity: "info",
    command: "org-db optimize",
    *find({ slow }) {
      for (const { shape, count, maxMillis, plan } of slow.known ? slow.shapes.slice(0, 10) : [])
        yield {
          subject: shape.collection,
          severity: plan?.collectionScan ? "warning" : "info",
          message: `Slow ${shape.operation} on ${shape.collection}${plan?.collectionScan ? ", scans the collection" : ""}`,
          evidence: `${count} times, up to ${maxMillis} ms: ${shellText(shape.filter)}`,
        };
    },
  },
  {
    code: "LONG_OPERATION",
    part: "operations",
    severity: "warning",
    *find({ longOperations }) {
      for (const long of listOf(longOperations)) {
        const { operation, namespace, runningMs, builds } = long;
        const what = builds ? `build of ${builds.join(", ")}` : operation;
        yield {
          subject: namespace,
          message: builds
            ? "An index build has been running for long; stop it only with dropIndexes"
            : "An operation has been running for long",
          evidence: `${what} on ${namespace} for ${Math.round(runningMs / 1_000)} s`,
          command: stopCommand(long),
        };
      }
    },
  },
  load(
    "FEW_CONNECTIONS_LEFT",
    "critical",
    "The server is running out of connections",
    ({ connections, connectionsAvailable = Number.POSITIVE_INFINITY }, { connectionsUsedRatio }) => {
      const limit = connections + connectionsAvailable;
      return connections / limit > connectionsUsedRatio && `${connections} of ${limit} in use`;
    },
  ),
  load(
    "CACHE_FULL",
    "warning",
    "The working set does not fit in the cache",
    ({ cacheUsedRatio: used = 0 }, limits) => used > limits.cacheUsedRatio && `${percent(used)} in use`,
  ),
  load(
    "CACHE_DIRTY",
    "warning",
    "The disk does not keep up with the writes",
    ({ cacheDirtyRatio: dirty = 0 }, limits) =>
      dirty > limits.cacheDirtyRatio && `${percent(dirty)} of the cache waits to be written`,
  ),
  load(
    "CACHE_MISSES",
    "info",
    "Many reads go to the disk",
    ({ cacheHitRatio: hits = 1, uptimeSeconds }, { cacheHitRatio: least }) =>
      hits < least &&
      uptimeSeconds >= warmAfterSeconds &&
      `${percent(hits)} of the page requests since the start, below ${percent(least)}`,
  ),
  load(
    "OVERLOADED",
    "critical",
    "Operations queue up",
    ({ queued = 0 }, { queuedOperations: most }) =>
      queued > most && `${queued} operations wait, more than ${most}`,
  ),
  load(
    "TRANSACTIONS_IDLE",
    "warning",
    "Transactions are left open, and hold what they have read",
    ({ idleTransactions: idle = 0 }, { idleTransactions: most }) =>
      idle > most && `${idle} open and at nothing, more than ${most}`,
  ),
  {
    code: "PROCESSOR_BUSY",
    part: "operations",
    severity: "info",
    command: "org-db optimize",
    find({ processor }, { processorBusyRatio: busy, processorHighRatio: high, processorFullRatio: full }) {
      const { usedRatio = 0, processors, overMs = 0 } = known(processor) ?? {};
      const passed = Math.max(...[busy, high, full].filter((limit) => usedRatio > limit));
      if (!Number.isFinite(passed)) return undefined;
      const seconds = (overMs / 1_000).toFixed(1);
      return {
        subject: "*",
        severity: usedRatio > full ? "critical" : usedRatio > high ? "warning" : "info",
        message: "The server keeps its processors busy",
        evidence: `${percent(usedRatio)} of ${processors} over ${seconds} s, above ${percent(passed)}`,
      };
    },
  },
  {
    code: "WEEK_GROWTH",
    part: "operations",
    severity: "info",
    *find({ comparisons, weekAgo }, { weekGrowth }) {
      const at = known(weekAgo)?.at;
      for (const { figure, collection = "*", label, unit, now, weekAgo: before } of at ? comparisons : []) {
        const { least, label: _label, unit: _unit, ...of } = measures[figure];
        if (now < least || now <= before * weekGrowth) continue;
        yield {
          ...of,
          subject: collection,
          message: `More than ${weekGrowth} times as much as at this hour a week ago: ${label}`,
          evidence: `${figureText(now, unit)} now, ${figureText(before, unit)} at ${at?.toISOString()}`,
        };
      }
    },
  },
];
