// The ways of a migration: up, verify, back, and its end.
import type { Connection } from "mongoose";
import { toOptimizerError } from "../core/errors.js";
import { pause, throwIfAborted } from "../core/pause.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { assertClock, serverTime } from "../core/server/time.js";
import type { Lease } from "../jobs/lease.js";
import { checkPacing } from "../jobs/pacing/limits.js";
import { runJob, type WithinOptions } from "../jobs/run-job.js";
import { Work, type WorkOptions } from "../jobs/work.js";
import { assertMigration, defaultPhaseLeaseMs, type Migration } from "./definition.js";
import { type MigrationPhase, type MigrationWay, routeOf, type UpTo } from "./phases.js";
import { assertPlaces } from "./places.js";
import { type MigrationReport, mismatchError, resultOf, type VerifyReport } from "./report.js";
import { changePhase, type MigrationState, noteState, readState } from "./state.js";
import { contractFrom, jobOf, type MigrationPlan, planMigration, refusal, working } from "./status.js";
import { backfill, contractSources, type StepContext, sweepBack, sweepOver, verifyAll } from "./steps.js";

/** How a migration runs. One document of its `limits` is one document of the new layout. */
export interface MigrateOptions extends WithinOptions, Omit<WorkOptions, "window" | "clock"> {
  /** The clock; what a migration writes into documents does not depend on it. */
  readonly now: () => Date;
  /** Called when it begins to wait for so many milliseconds, until every process has seen a phase. */
  readonly onWait?: (phase: MigrationPhase, ms: number) => void;
}

/**
 * Takes a migration up to where reads are switched, or to an earlier phase; goes on where it was, and does the work of
 * the phase that it stops in. Runs under a lease.
 *
 * @param to the last phase. Default `switched`.
 * @throws {OptimizerError} `INVALID_MIGRATION`, before anything is written, also when a collection is a view, a time series or a
 * capped target; `MIGRATION_MISMATCH` when a document cannot be copied, with the mismatches in
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
    const { phases } = runner.plan("up", to);
    await runner.workOfPhase();
    await runner.through(phases);
  });
}

/**
 * Compares the hash of every document, without changing anything.
 *
 * @throws {OptimizerError} `MIGRATION_NOT_ALLOWED` before it has begun and once contract has, when one of the layouts has
 * nothing to compare with; as the server says
 */
export async function verifyMigration(
  connection: Connection,
  given: Migration,
  options: Pick<MigrateOptions, "now" | "signal"> & WorkOptions,
): Promise<VerifyReport> {
  const migration = assertMigration(given);
  checkPacing(options);
  const { now, signal = new AbortController().signal } = options;
  try {
    const state = await readState(connection, migration.name);
    const { phase, epoch } = state;
    if (epoch === 0 || ["contracting", "contracted"].includes(phase))
      throw refusal(state, `be verified ${epoch === 0 ? "before it has begun" : "any more"}`);
    const work = new Work(databaseOf(connection), undefined, signal, options);
    const tally = { walked: 0, written: 0 };
    const context: StepContext = { now, connection, migration, signal, work, tally };
    const targetLeads = routeOf(phase).read === "target";
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
    const { phases } = runner.plan("rollback");
    if (runner.phase === "reverting") await runner.workOfPhase();
    await runner.through(phases);
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
    const { phases } = runner.plan("contract");
    if (runner.phase === "switched") await assertRetained(connection, runner.state, options.now());
    if (runner.phase === "contracting") await runner.workOfPhase();
    await runner.through(phases);
  });
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
  checkPacing(options);
  const started = performance.now();
  try {
    return await runJob(connection, jobOf(migration), options, async (run) => {
      const { lease, signal } = run;
      const found = await readState(connection, migration.name);
      const work = new Work(databaseOf(connection), run, signal, options);
      await work.heedPause();
      // From here on earlier holders of the lease cannot write the state.
      const state = found.epoch > 0 ? await noteState(connection, found, lease, {}) : found;
      const tally = { walked: 0, written: 0 };
      const { now, onWait } = options;
      const runner = new Runner(
        { now, connection, migration, signal, lease, work, tally, ...(onWait && { onWait }) },
        state,
      );
      await runner.waitUntilSeen();
      await act(runner);
      const value: MigrationReport = {
        migration: migration.name,
        from: state.phase,
        phase: runner.phase,
        changes: runner.changes,
        ...tally,
        elapsedMs: performance.now() - started,
        verification: runner.state.verification ?? null,
      };
      return { value, result: resultOf(value), interrupted: false };
    });
  } catch (error) {
    throw toOptimizerError(error, `The migration "${migration.name}" stopped`);
  }
}

/** Context of a run, which holds the lease. */
type RunContext = StepContext & Pick<MigrateOptions, "onWait"> & { readonly lease: Lease };

/** One run under the lease. */
class Runner {
  readonly changes: MigrationPhase[] = [];
  readonly #context: RunContext;
  #state: MigrationState;

  constructor(context: RunContext, state: MigrationState) {
    this.#context = context;
    this.#state = state;
  }

  get state(): MigrationState {
    return this.#state;
  }

  get phase(): MigrationPhase {
    return this.#state.phase;
  }

  /** @throws {OptimizerError} `MIGRATION_NOT_ALLOWED` */
  plan(way: MigrationWay, to?: UpTo): MigrationPlan {
    const { migration, now } = this.#context;
    const status = { ...this.#state, contractFrom: contractFrom(migration, this.#state) };
    return planMigration(status, way, { now: now(), ...(to && { to }) });
  }

  /** Goes through phases, doing the work of each. */
  async through(phases: readonly MigrationPhase[]): Promise<void> {
    for (const phase of phases) {
      await this.#change(phase);
      await this.workOfPhase();
    }
  }

  async #change(to: MigrationPhase): Promise<void> {
    const { connection, now, work, signal } = this.#context;
    await work.heedPause();
    throwIfAborted(signal);
    const isFirst = this.#state.epoch === 0;
    if (isFirst) await assertPlaces(connection, this.#context.migration);
    const ownsTargets = isFirst && (await this.#hasEmptyTarget());
    const change = { lease: this.#context.lease, now: now(), ownsTargets };
    this.#state = await changePhase(connection, this.#state, to, change);
    this.changes.push(to);
    await this.waitUntilSeen();
  }

  async #hasEmptyTarget(): Promise<boolean> {
    const { connection, migration } = this.#context;
    const root = databaseOf(connection).collection(migration.targets[0] as string);
    return (await root.findOne({}, { ...primary, projection: { _id: 1 }, raw: true })) === null;
  }

  /** Nothing acts on a phase before every process has read it, or stopped using the one before. */
  async waitUntilSeen(): Promise<void> {
    if (this.#state.seen) return;
    const { connection, migration, signal, onWait } = this.#context;
    // A tenth more, as clocks do not run equally fast.
    const ms = (migration.phaseLeaseMs ?? defaultPhaseLeaseMs) * 1.1 + 10;
    onWait?.(this.phase, ms);
    await pause(ms, signal);
    this.#state = await noteState(connection, this.#state, this.#context.lease, { seen: true });
  }

  async workOfPhase(): Promise<void> {
    const context = this.#context;
    // A finished backfill is not repeated, because verify follows; a finished comparison is.
    if (!working.includes(this.phase) || (this.phase === "backfill" && this.#state.done)) return;
    if (this.phase === "backfill") await backfill(context, this.#state);
    else if (this.phase === "verify") await this.#verify();
    else if (this.phase === "switching") await sweepOver(context, this.#state);
    else if (this.phase === "reverting") await sweepBack(context, this.#state);
    else await contractSources(context, this.#state);
    this.#state = await noteState(context.connection, this.#state, this.#context.lease, { done: true });
  }

  async #verify(): Promise<void> {
    const verification = await verifyAll(this.#context, this.#state, { repair: true, targetLeads: false });
    this.#state = await noteState(this.#context.connection, this.#state, this.#context.lease, {
      verification,
    });
    if (verification.clean) return;
    const { mismatched, mismatches } = verification;
    throw mismatchError(`Documents that are not as the old layout says: ${mismatched}`, mismatches);
  }
}
