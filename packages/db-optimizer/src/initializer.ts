// `DatabaseInitializer`: setup and its checks behind one object.
import type { Connection } from "mongoose";
import type { Finding } from "./core/finding.js";
import { assertModels, type ModelLike, modelsOf } from "./core/model.js";
import type { NamedQuery } from "./core/named-query.js";
import { parseSample } from "./core/sampling.js";
import { assertConnection, databaseOf } from "./core/server/database.js";
import type { HealthCheck } from "./health/checks.js";
import type { DeepFacts, SecurityFacts } from "./health/facts/facts.js";
import { type ClockedHealthOptions, checkHealth, type HealthReport } from "./health/health.js";
import { momentOf, type Recording, recordFindings, recordOperation } from "./record.js";
import { setupDetails } from "./record-details.js";
import { declaredCollections } from "./setup/collections.js";
import {
  type InitializeOptions,
  type InitializeResult,
  initialize,
  planSetup,
  type SetupPlan,
} from "./setup/initialize.js";
import { type SchemaSample, sampleSchemas } from "./setup/sample-schema.js";

/** Settings of a {@link DatabaseInitializer} besides the models. */
export interface DatabaseInitializerOptions extends Recording {
  /** The queries that matter. Default none. */
  readonly queries?: readonly NamedQuery[];
  /** Checks of your own: whether audit and security events are written. Default none. */
  readonly checks?: readonly HealthCheck[];
}

/**
 * Makes a database ready for the models: collections, validators, indexes; and says whether it is guarded, as declared and
 * fast.
 *
 * @example
 * const { changed, ready } = await new DatabaseInitializer(connection, [User, Session]).initialize();
 */
export class DatabaseInitializer {
  readonly #connection: Connection;
  readonly #models: readonly ModelLike[];
  readonly #queries: readonly NamedQuery[];
  readonly #checks: readonly HealthCheck[];
  readonly #recording: Recording;

  /** @throws {OptimizerError} `INVALID_OPTIONS` when it is given no connection, or no list of models */
  constructor(
    connection: Connection,
    models: readonly ModelLike[],
    { queries = [], checks = [], ...recording }: DatabaseInitializerOptions = {},
  ) {
    this.#connection = assertConnection(connection);
    this.#models = assertModels(models);
    this.#queries = queries;
    this.#checks = checks;
    this.#recording = recording;
  }

  /** See {@link initialize}. What it changed is recorded, and what it failed with. */
  initialize(options?: InitializeOptions): Promise<InitializeResult> {
    const run = () => initialize(this.#connection, this.#models, options);
    return recordOperation(this.#recording, "setup", run, setupDetails);
  }

  /** See {@link planSetup}. */
  plan(validation?: InitializeOptions["validation"]): Promise<SetupPlan> {
    return planSetup(this.#connection, this.#models, validation);
  }

  /** See {@link checkHealth}. */
  async health(options: ClockedHealthOptions = {}): Promise<HealthReport> {
    const { now = momentOf(this.#recording) } = options;
    const given = { queries: this.#queries, checks: this.#checks, ...options, now };
    return checkHealth(this.#connection, this.#models, given);
  }

  /** How the server is guarded, with what your own checks of that part say. Reads only; what it finds is recorded. */
  async checkSecurity(
    options: Pick<ClockedHealthOptions, "now" | "thresholds"> = {},
  ): Promise<{ readonly facts: SecurityFacts; readonly findings: readonly Finding[] }> {
    const { now = momentOf(this.#recording) } = options;
    const report = await checkHealth(this.#connection, [], { checks: this.#checks, ...options, now });
    const findings = report.findings.filter(({ part }) => part === "security");
    await recordFindings(this.#recording, findings, now);
    return { facts: report.facts.security, findings };
  }

  /**
   * Holds sampled documents against the validators that the models imply. Reads only.
   *
   * @param size documents sampled of each collection, 1 to 100,000. Default 1,000
   * @throws {OptimizerError} `INVALID_OPTIONS`
   */
  async validateSchemas(size?: number): Promise<SchemaSample[]> {
    return sampleSchemas(
      databaseOf(this.#connection),
      declaredCollections(modelsOf(this.#connection, this.#models).own).collections,
      parseSample(size),
    );
  }

  /** Explains the named queries, and measures how collections grow. Reads only. */
  async analyse(
    options: ClockedHealthOptions = {},
  ): Promise<Pick<DeepFacts, "queries" | "growth"> & Pick<HealthReport, "projections">> {
    const { facts, projections } = await this.health(options);
    return { queries: facts.deep.queries, growth: facts.deep.growth, projections };
  }
}
