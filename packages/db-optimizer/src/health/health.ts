import type { Connection } from "mongoose";
import type { ModelLike } from "../model.js";
import type { HealthFacts } from "./facts.js";
import type { HealthFinding, HealthPart } from "./finding.js";
import { findingsOf } from "./findings.js";
import { probeHealth } from "./probes.js";
import { type HealthScore, scoreHealth } from "./score.js";
import { type HealthThresholds, parseThresholds } from "./thresholds.js";

/** The state of a database: what was seen, what is wrong with it, and a number for the whole. */
export interface HealthReport extends HealthScore {
  readonly facts: HealthFacts;
  readonly findings: readonly HealthFinding[];
}

/** How to check. */
export interface HealthOptions {
  /** The moment of the check, by which the age of index counters is told. */
  readonly now: Date;
  readonly thresholds?: HealthThresholds;
}

/**
 * Checks a database: connection, topology, sizes, indexes and their use, slow and long operations. Writes nothing.
 *
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`, `INVALID_MODEL`, `INVALID_OPTIONS`
 */
export async function checkHealth(
  connection: Connection,
  models: readonly ModelLike[],
  options: HealthOptions,
): Promise<HealthReport> {
  const thresholds = parseThresholds(options.thresholds);
  const facts = await probeHealth(connection, models, thresholds, options.now);
  const findings = findingsOf(facts, thresholds);
  return { facts, findings, ...scoreHealth(findings, unknownParts(facts)) };
}

function unknownParts({ connection, topology, indexes, collections, server }: HealthFacts): Set<HealthPart> {
  const parts: ReadonlyArray<readonly [HealthPart, boolean]> = [
    ["connection", connection.known],
    ["topology", topology.known],
    ["indexes", indexes.known],
    ["operations", server.known],
    ["storage", collections.known],
  ];
  return new Set(parts.flatMap(([part, known]) => (known ? [] : [part])));
}
