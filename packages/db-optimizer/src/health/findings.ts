import { shellText } from "../indexes/command.js";
import type { HealthFacts, Probed } from "./facts.js";
import type { HealthFinding, HealthPart, Severity } from "./finding.js";
import { indexFindings } from "./index-findings.js";
import type { ParsedThresholds } from "./thresholds.js";

/** What the facts say. Pure. */
export function findingsOf(facts: HealthFacts, thresholds: ParsedThresholds): HealthFinding[] {
  return [
    ...unknowns(facts),
    ...connectionFindings(facts, thresholds),
    ...topologyFindings(facts),
    ...(facts.indexes.known ? indexFindings(facts.indexes.value) : []),
    ...operationFindings(facts, thresholds),
    ...storageFindings(facts, thresholds),
  ];
}

function unknowns(facts: HealthFacts): HealthFinding[] {
  const parts: ReadonlyArray<readonly [HealthPart, Probed<unknown>]> = [
    ["connection", facts.connection],
    ["topology", facts.topology],
    ["storage", facts.collections],
    ["indexes", facts.indexes],
    ["operations", facts.server],
    ["operations", facts.longOperations],
    ["operations", facts.slow.known ? { known: true, value: undefined } : facts.slow],
  ];
  return parts.flatMap(([part, probe]) =>
    probe.known
      ? []
      : [
          {
            code: "UNKNOWN",
            part,
            severity: "info" as const,
            message: `Part of ${part} could not be looked at`,
            evidence: probe.reason,
          },
        ],
  );
}

function connectionFindings({ connection }: HealthFacts, { pingMs }: ParsedThresholds): HealthFinding[] {
  if (!connection.known || connection.value.pingP50Ms <= pingMs) return [];
  const evidence = `median ${connection.value.pingP50Ms.toFixed(1)} ms, above ${pingMs} ms`;
  return [
    {
      code: "SLOW_CONNECTION",
      part: "connection",
      severity: "warning",
      message: "The server is far away or busy",
      evidence,
    },
  ];
}

function topologyFindings({ topology }: HealthFacts): HealthFinding[] {
  if (!topology.known) return [];
  const { kind, members, writablePrimary, version } = topology.value;
  const findings: HealthFinding[] = [];
  const add = (code: string, severity: Severity, message: string, evidence: string, command?: string) =>
    findings.push({ code, part: "topology", severity, message, evidence, ...(command && { command }) });
  if (kind === "standalone") {
    add(
      "STANDALONE",
      "warning",
      "A standalone server has no copy of the data and no transactions",
      "hello names no replica set",
    );
  }
  if (kind === "replica_set" && members < 3) {
    add(
      "FEW_MEMBERS",
      "info",
      "A replica set of fewer than three data-bearing members can't lose one",
      `${members} member(s)`,
      "rs.conf()",
    );
  }
  if (kind !== "sharded" && !writablePrimary) {
    add(
      "NO_PRIMARY",
      "critical",
      "The server does not take writes",
      "hello: isWritablePrimary is false",
      "rs.status()",
    );
  }
  if (Number.parseInt(version, 10) < 6) {
    add("OLD_SERVER", "warning", "MongoDB before 6.0 is no longer supported", `version ${version}`);
  }
  return findings;
}

function operationFindings(facts: HealthFacts, thresholds: ParsedThresholds): HealthFinding[] {
  const findings: HealthFinding[] = [];
  const add = (code: string, severity: Severity, message: string, evidence: string, command?: string) =>
    findings.push({ code, part: "operations", severity, message, evidence, ...(command && { command }) });
  const slow = facts.slow.known ? facts.slow.shapes : [];
  for (const { shape, count, maxMillis, plan } of slow.slice(0, 10)) {
    const scan = plan?.collectionScan ? ", scans the collection" : "";
    add(
      "SLOW_OPERATION",
      plan?.collectionScan ? "warning" : "info",
      `Slow ${shape.operation} on ${shape.collection}${scan}`,
      `${count} times, up to ${maxMillis} ms: ${shellText(shape.filter)}`,
      "org-db optimize",
    );
  }
  for (const { opid, operation, namespace, runningMs } of facts.longOperations.known
    ? facts.longOperations.value
    : []) {
    const evidence = `${operation} on ${namespace} for ${Math.round(runningMs / 1_000)} s`;
    add(
      "LONG_OPERATION",
      "warning",
      "An operation has been running for long",
      evidence,
      `db.killOp(${JSON.stringify(opid)})`,
    );
  }
  if (!facts.server.known) return findings;
  const { connections, connectionsAvailable, cacheUsedRatio } = facts.server.value;
  const limit = connections + (connectionsAvailable ?? Number.POSITIVE_INFINITY);
  if (connections / limit > thresholds.connectionsUsedRatio) {
    const evidence = `${connections} of ${limit} in use`;
    add("FEW_CONNECTIONS_LEFT", "critical", "The server is running out of connections", evidence);
  }
  if (cacheUsedRatio !== undefined && cacheUsedRatio > thresholds.cacheUsedRatio) {
    const evidence = `${(cacheUsedRatio * 100).toFixed(0)} % of the cache in use`;
    add("CACHE_FULL", "warning", "The working set does not fit in the cache", evidence);
  }
  return findings;
}

function storageFindings({ collections }: HealthFacts, thresholds: ParsedThresholds): HealthFinding[] {
  if (!collections.known) return [];
  const findings: HealthFinding[] = [];
  for (const { collection, exists, dataBytes, indexBytes } of collections.value) {
    if (!exists) {
      const message = `Collection ${collection} is declared and missing`;
      findings.push({
        code: "COLLECTION_MISSING",
        part: "storage",
        severity: "warning",
        message,
        evidence: "listCollections does not name it",
        command: "org-db setup",
      });
    }
    if (dataBytes > 10_000_000 && indexBytes > dataBytes * thresholds.indexToDataRatio) {
      const message = `The indexes of ${collection} are much larger than its data`;
      const evidence = `${(indexBytes / dataBytes).toFixed(1)} index bytes for each data byte`;
      findings.push({
        code: "INDEXES_LARGE",
        part: "storage",
        severity: "info",
        message,
        evidence,
        command: "org-db optimize",
      });
    }
  }
  return findings;
}
