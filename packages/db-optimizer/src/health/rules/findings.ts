import type { ParsedThresholds } from "../../core/thresholds.js";
import { shellText } from "../../indexes/command.js";
import type { HealthFacts } from "../facts/facts.js";
import type { FigureComparison } from "../facts/week-ago.js";
import { dataFindings } from "./data-findings.js";
import type { HealthFinding, Severity } from "./finding.js";
import { indexFindings } from "./index-findings.js";
import { layoutFindings } from "./layout-findings.js";
import { memberFindings, shardFindings } from "./member-findings.js";
import { securityFindings } from "./security-findings.js";
import { serverFindings } from "./server-findings.js";
import { stopCommand } from "./stop-command.js";
import { type Unknown, unknownsOf } from "./unknowns.js";
import { weekFindings } from "./week-findings.js";

/**
 * What the facts say. Pure.
 *
 * @param comparisons with the same hour a week ago
 */
export function findingsOf(
  facts: HealthFacts,
  thresholds: ParsedThresholds,
  comparisons: readonly FigureComparison[],
): HealthFinding[] {
  const { indexes, replication, topology, security, database } = facts;
  return [
    ...unknownsOf(facts).map(unknownFinding),
    ...connectionFindings(facts, thresholds),
    ...topologyFindings(facts),
    ...(topology.known ? shardFindings(topology.value) : []),
    ...(replication.known ? memberFindings(replication.value, thresholds) : []),
    ...securityFindings(security, database),
    ...(indexes.known ? indexFindings(indexes.value, thresholds.indexesPerCollection) : []),
    ...operationFindings(facts),
    ...serverFindings(facts, thresholds),
    ...storageFindings(facts, thresholds),
    ...dataFindings(facts.deep, thresholds),
    ...layoutFindings(facts, thresholds),
    ...(facts.weekAgo.known ? weekFindings(comparisons, facts.weekAgo.value.at, thresholds) : []),
  ];
}

function unknownFinding({ part, what, reason }: Unknown): HealthFinding {
  return {
    code: "UNKNOWN",
    part,
    severity: "info",
    message: `Part of ${part} could not be looked at: ${what}`,
    evidence: reason,
  };
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

function operationFindings(facts: HealthFacts): HealthFinding[] {
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
  for (const long of facts.longOperations.known ? facts.longOperations.value : []) {
    const { operation, namespace, runningMs, builds } = long;
    const what = builds ? `build of ${builds.join(", ")}` : operation;
    const evidence = `${what} on ${namespace} for ${Math.round(runningMs / 1_000)} s`;
    const message = builds
      ? "An index build has been running for long; stop it only with dropIndexes"
      : "An operation has been running for long";
    add("LONG_OPERATION", "warning", message, evidence, stopCommand(long));
  }
  return findings;
}

function storageFindings({ collections }: HealthFacts, thresholds: ParsedThresholds): HealthFinding[] {
  if (!collections.known) return [];
  const findings: HealthFinding[] = [];
  if (collections.value.length > thresholds.collections) {
    const evidence = `${collections.value.length} declared, more than ${thresholds.collections}`;
    const message = "So many collections cost files and memory each";
    findings.push({ code: "MANY_COLLECTIONS", part: "storage", severity: "info", message, evidence });
  }
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
