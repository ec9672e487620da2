import type { Connection } from "mongoose";

import type { CleanupReport } from "./cleanup/report.js";
import type { CleanupRule } from "./cleanup/rules.js";
import { type CleanupOptions, runCleanup } from "./cleanup/runner.js";
import { checkHealth, type HealthOptions, type HealthReport } from "./health/health.js";
import { type ApplyOptions, type ApplyResult, applyPlan } from "./indexes/apply.js";
import { type DriftReport, diffIndexes } from "./indexes/diff.js";
import { expectedIndexes } from "./indexes/expected.js";
import { inspectIndexes } from "./indexes/inspect.js";
import { type Plan, planIndexes } from "./indexes/plan.js";
import { type LeaseOptions, withLease } from "./lease.js";
import { collectionNames, type ModelLike } from "./model.js";
import type { NamedQuery } from "./named-query.js";
import { analysePerformance, type OptimizeOptions, type OptimizeReport } from "./optimize/optimize.js";

/** What a {@link DatabaseOptimizer} works on. */
export interface DatabaseOptimizerOptions {
  readonly models: readonly ModelLike[];
  /** The queries that matter. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** What may be removed, and when. Default nothing. */
  readonly cleanup?: readonly CleanupRule[];
}

/**
 * All that can be asked about and done to the database of some models. Holds nothing but its arguments.
 *
 * @example
 * const optimizer = new DatabaseOptimizer(connection, { models: [User, Session] });
 * const { plan } = await optimizer.plan();
 * if (plan.steps.length > 0) await optimizer.apply();
 */
export class DatabaseOptimizer {
  readonly #connection: Connection;
  readonly #models: readonly ModelLike[];
  readonly #queries: readonly NamedQuery[];
  readonly #rules: readonly CleanupRule[];

  constructor(connection: Connection, { models, queries = [], cleanup = [] }: DatabaseOptimizerOptions) {
    this.#connection = connection;
    this.#models = models;
    this.#queries = queries;
    this.#rules = cleanup;
  }

  /** What the models declare, held against what the server has. Reads only. */
  async inspect(): Promise<DriftReport> {
    return (await this.plan()).drift;
  }

  /** What would bring the server's indexes in line. Reads only. */
  async plan(): Promise<{ readonly drift: DriftReport; readonly plan: Plan }> {
    const expected = expectedIndexes(this.#models);
    const actual = await inspectIndexes(this.#connection, collectionNames(this.#models));
    const drift = diffIndexes(expected, actual);
    return { drift, plan: planIndexes(drift, actual) };
  }

  /**
   * Carries a plan out, by default the one of this moment, under a lease: see {@link applyPlan}. A plan of no steps
   * takes no lease.
   *
   * @throws {OptimizerError} `LOCKED`, and what {@link applyPlan} throws
   */
  async apply(options: ApplyOptions & LeaseOptions = {}, given?: Plan): Promise<ApplyResult> {
    const plan = given ?? (await this.plan()).plan;
    if (plan.steps.length === 0) return { changed: false, complete: true, steps: [] };
    return withLease(this.#connection, "setup", options, (signal) =>
      applyPlan(this.#connection, plan, { ...options, signal }),
    );
  }

  /** See {@link checkHealth}. */
  health(options: HealthOptions): Promise<HealthReport> {
    return checkHealth(this.#connection, this.#models, options);
  }

  /** Removes what the rules name: see {@link runCleanup}. A run that writes holds a lease. */
  cleanup(options: CleanupOptions & LeaseOptions): Promise<CleanupReport> {
    const run = (signal?: AbortSignal) =>
      runCleanup(this.#connection, this.#rules, {
        queries: this.#queries,
        ...options,
        ...(signal && { signal }),
      });
    return options.run ? withLease(this.#connection, "cleanup", options, run) : run();
  }

  /** See {@link analysePerformance}. */
  optimize(options?: OptimizeOptions): Promise<OptimizeReport> {
    return analysePerformance(this.#connection, this.#models, this.#queries, options);
  }
}
