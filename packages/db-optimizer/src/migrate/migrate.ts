import type { Connection } from "mongoose";
import type { ControllerLimits } from "../cleanup/controller.js";
import { OptimizerError, toOptimizerError } from "../errors.js";
import { databaseOf } from "../indexes/inspect.js";
import { assertClock, type Lease, type LeaseOptions, serverTime, withLease } from "../lease.js";
import { pause } from "../pause.js";
import { assertMigration, defaultPhaseLeaseMs, defaultRetentionMs, type Migration } from "./definition.js";
import { type MigrationPhase, migrationPhases, nextBack, nextUp, routeOf } from "./phases.js";
import type { MigrationProgress, MigrationReport, VerifyReport } from "./report.js";
import { changePhase, type MigrationState, noteState, readState } from "./state.js";
import { backfill, contractSources, type StepContext, sweepBack, sweepOver, verifyAll } from "./steps.js";

/** How a migration runs. */
export interface MigrateOptions extends LeaseOptions {
  /** The clock; what a migration writes into documents does not depend on it. */
  readonly now: () => Date;
  /** Bounds of the batches and their pauses; one document is one document of the new layout. */
  readonly limits?: Partial<ControllerLimits>;
  readonly onProgress?: (progress: MigrationProgress) => void;
}

/** Where `up` may stop. */
export type UpTo = "expand" | "backfill" | "verify" | "switched";

/** Where a migration is, and what is in the two layouts. */
export interface MigrationStatus extends MigrationState {
  /** What applications do in this phase. */
  readonly route: ReturnType<typeof routeOf>;
  readonly sourceDocuments: number;
  readonly targetDocuments: Readonly<Record<string, number>>;
  /** From when on contract is allowed; `null` before reads are switched, and when it is done. */
  readonly contractFrom: Date | null;
}

/** Reads where a migration is. */
export async function migrationStatus(connection: Connection, given: Migration): Promise<MigrationStatus> {
  const migration = assertMigration(given);
  const count = (name: string) => databaseOf(connection).collection(name).estimatedDocumentCount();
  const state = await readState(connection, migration.name);
  const targets = await Promise.all(
    migration.targets.map(async (name) => [name, await count(name)] as const),
  );
  return {
    ...state,
    route: routeOf(state.phase),
    sourceDocuments: await count(migration.source),
    targetDocuments: Object.fromEntries(targets),
    contractFrom: contractFrom(migration, state),
  };
}

/**
 * Takes a migration up to where reads are switched, or to an earlier phase; goes on where it was, and does the work of
 * the phase that it stops in. Runs under a lease.
 *
 * @param to the last phase. Default `switched`.
 * @throws {OptimizerError} `MIGRATION_MISMATCH` when a document cannot be carried over, with the mismatches in
 * `details`: reads are then not switched; `MIGRATION_NOT_ALLOWED` when it is on the way back, or beyond; `LOCKED`,
 * `LEASE_LOST`, `ABORTED`, and as the server says
 */
export function migrateUp(
  connection: Connection,
  migration: Migration,
  options: MigrateOptions,
  to: UpTo = "switched",
): Promise<MigrationReport> {
  return run(connection, migration, options, async (runner) => {
    const last = migrationPhases.indexOf(to);
    if (
      ["reverting", "contracting", "contracted"].includes(runner.phase) ||
      migrationPhases.indexOf(runner.phase) > last
    )
      throw runner.refusal(`go up to ${to}`);
    for (;;) {
      await runner.workOfPhase();
      const next = runner.phase === to ? undefined : nextUp(runner.phase);
      if (!next) return;
      await runner.change(next);
    }
  });
}

/**
 * Compares the hash of every document, without changing anything.
 *
 * @throws {OptimizerError} as the server says
 */
export async function verifyMigration(
  connection: Connection,
  given: Migration,
  options: Omit<MigrateOptions, keyof LeaseOptions> & Pick<MigrateOptions, "signal">,
): Promise<VerifyReport> {
  const migration = assertMigration(given);
  const { signal = new AbortController().signal, ...rest } = options;
  try {
    const state = await readState(connection, migration.name);
    const context: StepContext = { ...rest, connection, migration, signal, tally: { walked: 0, written: 0 } };
    const targetLeads = routeOf(state.phase).read === "target";
    return await verifyAll(context, state, { repair: false, targetLeads });
  } catch (error) {
    throw toOptimizerError(error, `Verifying the migration "${migration.name}" failed`);
  }
}

/**
 * Takes a migration back until the old layout alone is read and written. Whatever was written meanwhile is in it.
 *
 * @throws {OptimizerError} `MIGRATION_NOT_ALLOWED` once contract has begun; `LOCKED`, `LEASE_LOST`, `ABORTED`, and as
 * the server says
 */
export function rollbackMigration(
  connection: Connection,
  migration: Migration,
  options: MigrateOptions,
): Promise<MigrationReport> {
  return run(connection, migration, options, async (runner) => {
    if (["contracting", "contracted"].includes(runner.phase)) throw runner.refusal("be rolled back");
    for (;;) {
      if (runner.phase === "reverting") await runner.workOfPhase();
      const next = nextBack(runner.phase);
      if (!next) return;
      await runner.change(next);
    }
  });
}

/**
 * Ends a migration: the old layout is written no more, and loses what the migration names. There is no way back.
 *
 * @throws {OptimizerError} `MIGRATION_NOT_ALLOWED` before reads are switched, or before the retention is over;
 * `CLOCK_AHEAD` when the clock has run ahead of the server's since; `LOCKED`, `LEASE_LOST`, `ABORTED`, and as the server says
 */
export function contractMigration(
  connection: Connection,
  migration: Migration,
  options: MigrateOptions,
): Promise<MigrationReport> {
  return run(connection, migration, options, async (runner) => {
    if (runner.phase === "contracted") return;
    if (runner.phase !== "contracting") {
      const from = contractFrom(migration, runner.state);
      const now = options.now();
      if (!from || from > now) throw runner.refusal("be contracted", { contractFrom: from });
      await assertRetained(connection, runner.state, now);
      await runner.change("contracting");
    }
    await runner.workOfPhase();
    await runner.change("contracted");
  });
}

function contractFrom({ retentionMs = defaultRetentionMs }: Migration, state: MigrationState): Date | null {
  const { phase, switchedAt } = state;
  return phase === "switched" && switchedAt ? new Date(switchedAt.getTime() + retentionMs) : null;
}

// A clock that was set while the retention runs must not end it.
async function assertRetained(
  connection: Connection,
  { switchedAt, switchedServerAt }: MigrationState,
  now: Date,
): Promise<void> {
  if (!switchedAt || !switchedServerAt) return;
  const sinceByServer = (await serverTime(databaseOf(connection))).getTime() - switchedServerAt.getTime();
  assertClock(now, new Date(switchedAt.getTime() + sinceByServer), "nothing was contracted");
}

async function run(
  connection: Connection,
  given: Migration,
  options: MigrateOptions,
  act: (runner: Runner) => Promise<void>,
): Promise<MigrationReport> {
  const migration = assertMigration(given);
  const started = performance.now();
  try {
    return await withLease(connection, `migrate:${migration.name}`, options, async (signal, lease) => {
      const found = await readState(connection, migration.name);
      // From here on whoever held the lease before can note nothing more.
      const state = found.epoch > 0 ? await noteState(connection, found, lease, {}) : found;
      const tally = { walked: 0, written: 0 };
      const runner = new Runner({ ...options, connection, migration, signal, lease, tally }, lease, state);
      await runner.waitUntilSeen();
      await act(runner);
      return {
        migration: migration.name,
        from: state.phase,
        phase: runner.phase,
        changes: runner.changes,
        ...tally,
        elapsedMs: performance.now() - started,
        verification: runner.state.verification ?? null,
      };
    });
  } catch (error) {
    throw toOptimizerError(error, `The migration "${migration.name}" stopped`);
  }
}

/** One run under the lease. */
class Runner {
  readonly changes: MigrationPhase[] = [];
  readonly #context: StepContext;
  readonly #lease: Lease;
  #state: MigrationState;

  constructor(context: StepContext, lease: Lease, state: MigrationState) {
    this.#context = context;
    this.#lease = lease;
    this.#state = state;
  }

  get state(): MigrationState {
    return this.#state;
  }

  get phase(): MigrationPhase {
    return this.#state.phase;
  }

  refusal(what: string, details: Record<string, unknown> = {}): OptimizerError {
    const { _id, phase } = this.#state;
    return new OptimizerError(
      "MIGRATION_NOT_ALLOWED",
      `Migration "${_id}" is at ${phase}: it cannot ${what} now`,
      {
        details: { phase, ...details },
      },
    );
  }

  async change(to: MigrationPhase): Promise<void> {
    const { connection, now } = this.#context;
    this.#state = await changePhase(connection, this.#state, to, this.#lease, now());
    this.changes.push(to);
    await this.waitUntilSeen();
  }

  /** Nothing acts on a phase before every process has read it, or stopped using the one before. */
  async waitUntilSeen(): Promise<void> {
    if (this.#state.seen) return;
    const { connection, migration, signal } = this.#context;
    // A tenth more, as clocks do not run equally fast.
    await pause((migration.phaseLeaseMs ?? defaultPhaseLeaseMs) * 1.1 + 10, signal);
    this.#state = await noteState(connection, this.#state, this.#lease, { seen: true });
  }

  async workOfPhase(): Promise<void> {
    const context = this.#context;
    if (this.phase === "backfill") await backfill(context, this.#state);
    else if (this.phase === "verify") await this.#verify();
    else if (this.phase === "switching") await sweepOver(context, this.#state);
    else if (this.phase === "reverting") await sweepBack(context, this.#state);
    else if (this.phase === "contracting") await contractSources(context, this.#state);
  }

  async #verify(): Promise<void> {
    const verification = await verifyAll(this.#context, this.#state, { repair: true, targetLeads: false });
    this.#state = await noteState(this.#context.connection, this.#state, this.#lease, { verification });
    if (verification.clean) return;
    const { mismatched, mismatches } = verification;
    throw new OptimizerError("MIGRATION_MISMATCH", `${mismatched} documents are not as the old layout says`, {
      details: { mismatches },
    });
  }
}
