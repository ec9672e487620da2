import type { ParsedThresholds } from "../../core/thresholds.js";
import type { HealthFacts } from "../facts/facts.js";
import type { HealthFinding, Severity } from "./finding.js";

/** Before it has run so long, a server's cache is cold for a reason. */
const warmAfterSeconds = 3_600;
const metrics = "db.serverStatus()";

/** What the facts say of the server's load. Pure. */
export function serverFindings(facts: HealthFacts, thresholds: ParsedThresholds): HealthFinding[] {
  return [...loadFindings(facts, thresholds), ...processorFindings(facts, thresholds)];
}

function processorFindings(
  { processor }: HealthFacts,
  { processorBusyRatio: busy, processorHighRatio: high, processorFullRatio: full }: ParsedThresholds,
): HealthFinding[] {
  if (!processor.known) return [];
  const { usedRatio, processors, overMs } = processor.value;
  const passed = Math.max(...[busy, high, full].filter((limit) => usedRatio > limit));
  if (!Number.isFinite(passed)) return [];
  const seconds = (overMs / 1_000).toFixed(1);
  return [
    {
      code: "PROCESSOR_BUSY",
      part: "operations",
      severity: usedRatio > full ? "critical" : usedRatio > high ? "warning" : "info",
      message: "The server keeps its processors busy",
      evidence: `${percent(usedRatio)} of ${processors} over ${seconds} s, above ${percent(passed)}`,
      command: "org-db optimize",
    },
  ];
}

function loadFindings({ server }: HealthFacts, thresholds: ParsedThresholds): HealthFinding[] {
  if (!server.known) return [];
  const {
    connections,
    connectionsAvailable = Number.POSITIVE_INFINITY,
    queued = 0,
    idleTransactions = 0,
  } = server.value;
  const { cacheUsedRatio = 0, cacheDirtyRatio = 0, cacheHitRatio = 1, uptimeSeconds } = server.value;
  const limit = connections + connectionsAvailable;
  const findings: HealthFinding[] = [];
  const add = (code: string, severity: Severity, message: string, evidence: string) =>
    findings.push({ code, part: "operations", severity, message, evidence, command: metrics });
  if (connections / limit > thresholds.connectionsUsedRatio) {
    const evidence = `${connections} of ${limit} in use`;
    add("FEW_CONNECTIONS_LEFT", "critical", "The server is running out of connections", evidence);
  }
  if (cacheUsedRatio > thresholds.cacheUsedRatio) {
    add(
      "CACHE_FULL",
      "warning",
      "The working set does not fit in the cache",
      `${percent(cacheUsedRatio)} in use`,
    );
  }
  if (cacheDirtyRatio > thresholds.cacheDirtyRatio) {
    const evidence = `${percent(cacheDirtyRatio)} of the cache waits to be written`;
    add("CACHE_DIRTY", "warning", "The disk does not keep up with the writes", evidence);
  }
  if (cacheHitRatio < thresholds.cacheHitRatio && uptimeSeconds >= warmAfterSeconds) {
    const evidence = `${percent(cacheHitRatio)} of the page requests since the start, below ${percent(thresholds.cacheHitRatio)}`;
    add("CACHE_MISSES", "info", "Many reads go to the disk", evidence);
  }
  if (queued > thresholds.queuedOperations) {
    const evidence = `${queued} operations wait, more than ${thresholds.queuedOperations}`;
    add("OVERLOADED", "critical", "Operations queue up", evidence);
  }
  if (idleTransactions > thresholds.idleTransactions) {
    const evidence = `${idleTransactions} open and at nothing, more than ${thresholds.idleTransactions}`;
    add("TRANSACTIONS_IDLE", "warning", "Transactions are left open, and hold what they have read", evidence);
  }
  return findings;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}
