// Tells the application which layout to read and write while a migration is under way.
import type { Connection } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { type Moment, msSince, thisMoment } from "../core/moment.js";
import { assertMigration, defaultPhaseLeaseMs, type Migration, type TargetDocument } from "./definition.js";
import { type MigrationRoute, mustReread, mustRewrite, routeOf } from "./phases.js";
import { readState } from "./state.js";
import { writeTargets } from "./write.js";

interface View {
  readonly route: MigrationRoute;
  readonly readAt: Moment;
}

const maxRounds = 20;

/**
 * The application's access to migrating data. It knows the phase for at most the migration's `phaseLeaseMs`, and the
 * runner acts on a phase only after it has been known for longer. So every process acts by the current phase, or by the
 * one before while both are allowed. An operation whose phase ran out meanwhile is repeated where that matters.
 *
 * @example
 * const gate = new MigrationGate(connection, sessionsMigration());
 * const found = await gate.read(({ read }) => (read === "source" ? inOldLayout(id) : inNewLayout(id)));
 */
export class MigrationGate {
  readonly #connection: Connection;
  readonly #migration: Migration;
  readonly #leaseMs: number;
  #view: View | undefined;
  #reading: Promise<View> | undefined;

  /** @throws {OptimizerError} `INVALID_MIGRATION` */
  constructor(connection: Connection, migration: Migration) {
    this.#connection = connection;
    this.#migration = assertMigration(migration);
    this.#leaseMs = migration.phaseLeaseMs ?? defaultPhaseLeaseMs;
  }

  /**
   * Answers something from the layout that the phase reads.
   *
   * @throws {OptimizerError} `MIGRATION_PHASE_UNSTABLE` when each of 20 attempts outlived its phase
   */
  read<T>(act: (route: MigrationRoute) => Promise<T>): Promise<T> {
    return this.#run(act, mustReread);
  }

  /**
   * Writes to the layouts that the phase writes, in its order. `act` must bear repetition: it runs again when the
   * phase has come to write a layout more meanwhile.
   *
   * @throws {OptimizerError} `MIGRATION_PHASE_UNSTABLE`
   */
  write<T>(act: (route: MigrationRoute) => Promise<T>): Promise<T> {
    return this.#run(act, mustRewrite);
  }

  /** Writes documents of the new layout as the migration itself does: what is stored and newer stays. */
  async put(documents: readonly TargetDocument[]): Promise<void> {
    const { conflicts } = await writeTargets(this.#connection, documents);
    const [conflict] = conflicts;
    if (!conflict) return;
    const { collection, index, reason } = conflict;
    if (index === undefined)
      throw new OptimizerError("SERVER_REFUSED", `A document of ${collection} is refused: ${reason}`, {
        details: { collection },
      });
    throw new OptimizerError("DUPLICATES", `A unique index of ${collection} refuses a document`, {
      details: { collection, index },
    });
  }

  async #run<T>(
    act: (route: MigrationRoute) => Promise<T>,
    mustRepeat: (used: MigrationRoute, current: MigrationRoute) => boolean,
  ): Promise<T> {
    for (let round = 0; round < maxRounds; round++) {
      // Half of the lease is left for the operation, so that it seldom has to read the phase again at the end.
      const { route } = await this.#viewYoungerThan(this.#leaseMs / 2);
      const result = await act(route);
      const { route: current } = await this.#viewYoungerThan(this.#leaseMs);
      if (!mustRepeat(route, current)) return result;
    }
    throw new OptimizerError(
      "MIGRATION_PHASE_UNSTABLE",
      `The phase changed during each of ${maxRounds} attempts`,
    );
  }

  async #viewYoungerThan(ms: number): Promise<View> {
    if (this.#view && msSince(this.#view.readAt) < ms) return this.#view;
    this.#reading ??= this.#look().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #look(): Promise<View> {
    // The lease counts from before the question was asked: the answer may be as old as that.
    const readAt = thisMoment();
    const { phase } = await readState(this.#connection, this.#migration.name);
    this.#view = { route: routeOf(phase), readAt };
    return this.#view;
  }
}
