// `DatabaseOptimizer`: plans, runs, advice, health and cleanup behind one object.
import type { Connection } from "mongoose";
import type { CleanupOptions } from "./cleanup/options.js";
import type { CleanupReport } from "./cleanup/report.js";
import type { CleanupRule } from "./cleanup/rules.js";
import { runCleanup } from "./cleanup/runner.js";
import { assertModels, type ModelLike } from "./core/model.js";
import type { NamedQuery } from "./core/named-query.js";
import { assertConnection } from "./core/server/database.js";
import { withRetries } from "./core/server/transient.js";
import { type ClockedHealthOptions, checkHealth, type HealthReport } from "./health/health.js";
import { applyPlan } from "./indexes/apply/apply.js";

import { type JournalRun, journalRuns } from "./indexes/apply/journal.js";
import { type RollbackPlan, readRollback, runRollback } from "./indexes/apply/rollback.js";
import type { ApplyOptions, ApplyResult, CollectionStepResult } from "./indexes/apply/run.js";
import type { PlanNote } from "./indexes/declared.js";
import { blockingFaults, throwFaults } from "./indexes/faults.js";
import type { DriftReport } from "./indexes/plan/diff.js";
import type { Plan } from "./indexes/plan/plan.js";
import { type ReadPlanOptions, readPlan } from "./indexes/plan/read-plan.js";
import { type LeaseOptions, withLease } from "./jobs/lease.js";
import { momentOf, type Recording, recordFindings, recordOperation } from "./record.js";
import { applyDetails, cleanupDetails } from "./record-details.js";
import { readShardPlan, type ShardPlan, type ShardPlanOptions } from "./sharding/read.js";
import {
  type AdviseOptions,
  adviseIndexes,
  analysePerformance,
  type OptimizeOptions,
} from "./workload/analysis.js";
import type { WorkloadReport } from "./workload/report.js";

/** The models, queries, rules and settings of a {@link DatabaseOptimizer}. */
export interface DatabaseOptimizerOptions extends Recording {
  readonly models: readonly ModelLike[];
  /** The queries that matter. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Cleanup rules. Default none. */
  readonly cleanup?: readonly CleanupRule[];
}

/** {@link CleanupOptions} of an object that has a clock: retention counts from its moment unless another is given. */
export type ClockedCleanupOptions = Omit<CleanupOptions, "now"> & Partial<Pick<CleanupOptions, "now">>;

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
  readonly #recording: Recording;

  /** @throws {OptimizerError} `INVALID_OPTIONS` when it is given no connection, or no list of models */
  constructor(connection: Connection, options: DatabaseOptimizerOptions) {
    const { models, queries = [], cleanup = [], ...recording } = options ?? {};
    this.#connection = assertConnection(connection);
    this.#models = assertModels(models);
    this.#queries = queries;
    this.#rules = cleanup;
    this.#recording = recording;
  }

  /**
   * Differences between the models' declarations and the server. Reads only. Faulty declarations are left out;
   * `planSetup` reports them.
   */
  async inspect(): Promise<DriftReport> {
    return (await readPlan(this.#connection, this.#models)).drift;
  }

  /**
   * The steps that make the server's indexes as declared, with the estimated cost of each build. Reads only.
   *
   * @param options `drop`: undeclared indexes to drop, as `collection.index`
   * @throws {OptimizerError} `INVALID_OPTIONS` when `drop` names an index that must not be dropped; `INVALID_MODEL` and
   *   `MODELS_CONFLICT` with all faulty declarations (`planSetup` leaves them out instead)
   */
  async plan(
    options: ReadPlanOptions = {},
  ): Promise<{ readonly drift: DriftReport; readonly plan: Plan; readonly notes: readonly PlanNote[] }> {
    const { drift, plan, notes, faults } = await readPlan(this.#connection, this.#models, options);
    throwFaults(faults);
    return { drift, plan, notes };
  }

  /**
   * Carries a plan out, by default the one of this moment, under a lease: see {@link applyPlan}. A plan of no steps
   * takes no lease.
   *
   * @throws {OptimizerError} `LOCKED`, and what {@link applyPlan} throws
   */
  async apply(options: ApplyOptions & LeaseOptions = {}, given?: Plan): Promise<ApplyResult> {
    const plan = given ?? (await this.#planOfTheRest(options.signal));
    if (plan.steps.length === 0) return { changed: false, complete: true, steps: [] };
    const run = () =>
      withLease(this.#connection, "setup", options, (signal, lease) =>
        applyPlan(this.#connection, plan, { queries: this.#queries, ...options, signal, lease }),
      );
    return recordOperation(this.#recording, "apply", run, applyDetails);
  }

  // One declaration that is at fault keeps no other index waiting.
  async #planOfTheRest(signal: AbortSignal | undefined): Promise<Plan> {
    const { plan, faults } = await readPlan(this.#connection, this.#models, { signal });
    throwFaults(plan.steps.length === 0 ? faults : blockingFaults(faults));
    return plan;
  }

  /** The last runs of apply and rollback, the newest first. Reads only. */
  history(limit?: number): Promise<JournalRun[]> {
    return journalRuns(this.#connection, limit);
  }

  /** How the last run, or the given one, would be reversed: see {@link readRollback}. Reads only. */
  planRollback(runId?: string): Promise<RollbackPlan> {
    return readRollback(this.#connection, runId);
  }

  /**
   * Reverses the last run, or the given one, under a lease. What was changed since is left alone.
   *
   * @throws {OptimizerError} `NOTHING_TO_ROLL_BACK`, `LOCKED`, and what {@link applyPlan} throws
   */
  async rollback(
    options: Omit<ApplyOptions, "rebuild" | "drop"> & LeaseOptions = {},
    runId?: string,
  ): Promise<
    ApplyResult &
      Pick<RollbackPlan, "run" | "refused"> & { readonly collections: readonly CollectionStepResult[] }
  > {
    const run = () =>
      withLease(this.#connection, "setup", options, async (signal, lease) => {
        const way = await withRetries(() => readRollback(this.#connection, runId), signal);
        const result = await runRollback(this.#connection, way, { ...options, signal, lease });
        return { ...result, run: way.run, refused: way.refused };
      });
    return recordOperation(this.#recording, "rollback", run, applyDetails);
  }

  /** Advises indexes that were measured on a copy: see {@link adviseIndexes}. Changes none of the models' collections. */
  advise(options: AdviseOptions = {}): Promise<WorkloadReport> {
    return adviseIndexes(this.#connection, this.#models, { queries: this.#queries, ...options });
  }

  /** See {@link checkHealth}. What it finds about security is recorded. */
  async health(options: ClockedHealthOptions = {}): Promise<HealthReport> {
    const { now = momentOf(this.#recording) } = options;
    const given = { queries: this.#queries, ...options, now };
    const report = await checkHealth(this.#connection, this.#models, given);
    await recordFindings(this.#recording, report.findings, now);
    return report;
  }

  /** Removes what the rules name: see {@link runCleanup}. A run that writes holds a lease. */
  cleanup(options: ClockedCleanupOptions = {}): Promise<CleanupReport> {
    const { clock } = this.#recording;
    const { now = momentOf(this.#recording) } = options;
    const given = { queries: this.#queries, ...(clock && { clock }), ...options, now };
    const run = () => runCleanup(this.#connection, this.#rules, given);
    return options.run ? recordOperation(this.#recording, "cleanup", run, cleanupDetails) : run();
  }

  /** See {@link analysePerformance}. */
  optimize(options?: OptimizeOptions): Promise<WorkloadReport> {
    return analysePerformance(this.#connection, this.#models, this.#queries, options);
  }

  /** Shard keys weighed for each collection: see {@link readShardPlan}. Reads only. */
  shardPlan(options: Omit<ShardPlanOptions, "queries"> = {}): Promise<ShardPlan> {
    return readShardPlan(this.#connection, this.#models, { queries: this.#queries, ...options });
  }
}
