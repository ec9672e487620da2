// The health check: facts, findings and a score.
import type { Connection } from "mongoose";
import type { Finding } from "../core/finding.js";
import type { ModelLike } from "../core/model.js";
import { checkedQueries, type NamedQuery } from "../core/named-query.js";
import { type HealthThresholds, parseThresholds } from "../core/thresholds.js";
import type { HealthCheck } from "./checks.js";
import type { DeepFacts, HealthFacts } from "./facts/facts.js";
import { type Projection, projectGrowth } from "./facts/growth.js";
import { type HealthKeeping, keepHealth } from "./facts/kept.js";
import { probeHealth } from "./facts/probes.js";
import { compareFigures, type FigureComparison } from "./facts/week-ago.js";
import { findingsOf } from "./rules/findings.js";
import { type HealthScore, scoreHealth } from "./rules/score.js";
import { emptyParts, unknownParts, unknownsOf } from "./rules/unknowns.js";

/** The state of a database: what was seen, what is wrong with it, and a number for the whole. */
export interface HealthReport extends HealthScore {
  readonly facts: HealthFacts;
  readonly findings: readonly Finding[];
  /** When the configured limits will be reached. */
  readonly projections: readonly Projection[];
  /** Figures now and at this hour a week ago; empty where none were kept then. */
  readonly comparisons: readonly FigureComparison[];
  /** Whether something stayed unknown that more privileges, time or members would have told. */
  readonly undecided: boolean;
  /** Where the figures were to be kept: whether they are, and why if not. */
  readonly keeping?: HealthKeeping;
}

/** {@link HealthOptions} of an object that has a clock: it tells the moment of the check unless that is given. */
export type ClockedHealthOptions = Omit<HealthOptions, "now"> & Partial<Pick<HealthOptions, "now">>;

/** How to check. */
export interface HealthOptions {
  /** The moment of the check, by which the age of index counters and growth are told. */
  readonly now: Date;
  readonly thresholds?: HealthThresholds;
  /** The queries that matter: each is explained, which runs it once. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Checks of your own. Default none. */
  readonly checks?: readonly HealthCheck[];
  /**
   * The report before this one: what took reading data is taken from it for `deepSeconds`, the processors' load is that
   * since, and members are known to have been as they are for as long.
   */
  readonly previous?: HealthReport;
  /**
   * Whether the figures are kept (`org_db_health`, for five weeks), so that a check in a week can compare. Default false:
   * nothing is written.
   */
  readonly keep?: boolean;
}

/**
 * Checks a database: connection, topology, replication, security, indexes and their use, named queries, slow and long
 * operations, sampled documents, sizes, growth, and the figures of this hour a week ago. Writes nothing unless its figures
 * are to be kept.
 *
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`, `INVALID_MODEL`, `INVALID_OPTIONS`, `INVALID_QUERY`. Figures that cannot
 * be kept are no reason to withhold the report: it says so in `keeping`
 */
export async function checkHealth(
  connection: Connection,
  models: readonly ModelLike[],
  { now, queries = [], checks = [], previous, keep = false, ...options }: HealthOptions,
): Promise<HealthReport> {
  const thresholds = parseThresholds(options.thresholds);
  const deep = stillFresh(previous?.facts.deep, now, thresholds.deepSeconds);
  const facts = await probeHealth(connection, models, {
    now,
    thresholds,
    queries: checkedQueries(queries),
    checks,
    deep,
    previous: previous?.facts,
  });
  const comparisons = compareFigures(facts);
  const findings = findingsOf(facts, thresholds, comparisons);
  const { growth } = facts.deep;
  const report = {
    facts,
    findings,
    comparisons,
    projections: growth.known ? projectGrowth(growth.value, thresholds.limits) : [],
    undecided: unknownsOf(facts).some(({ decidable }) => decidable),
    ...scoreHealth(findings, unknownParts(facts), emptyParts(facts)),
  };
  return keep ? { ...report, keeping: await keepHealth(connection, report) } : report;
}

function stillFresh(deep: DeepFacts | undefined, now: Date, seconds: number): DeepFacts | undefined {
  const age = deep && now.getTime() - deep.at.getTime();
  // A clock that was set back makes nothing fresh.
  return age !== undefined && age >= 0 && age < seconds * 1_000 ? deep : undefined;
}
