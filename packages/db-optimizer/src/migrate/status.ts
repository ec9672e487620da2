// Where a migration is, read only.
import type { Connection } from "mongoose";
import { OptimizerError } from "../core/errors.js";
import { databaseOf } from "../core/server/database.js";
import { primary } from "../core/server/own-collection.js";
import { leaseHeldUntil } from "../jobs/lease.js";
import { listRuns } from "../jobs/run-control.js";
import type { RunRecord } from "../jobs/run-record.js";
import { progressOf, type RunProgress } from "../jobs/step.js";
import { assertMigration, defaultRetentionMs, type Migration } from "./definition.js";
import { type MigrationPhase, type MigrationWay, phasesAhead, routeOf, type UpTo } from "./phases.js";
import { type MigrationState, readState } from "./state.js";

/** Where a migration is, and what is in the two layouts. */
export interface MigrationStatus extends MigrationState {
  /** Applications' reads and writes in this phase. */
  readonly route: ReturnType<typeof routeOf>;
  readonly sourceDocuments: number;
  readonly targetDocuments: Readonly<Record<string, number>>;
  /** From when on contract is allowed; `null` before reads are switched, and when it is done. */
  readonly contractFrom: Date | null;
  /** How far the work of the phase is, as of its last batch; `null` before there was one, and when it is done. */
  readonly progress: RunProgress | null;
  /** The last run, as it is; `null` before there was one. */
  readonly run: RunRecord | null;
  /** When the lease of the running process expires unless renewed; `null` when no process is running it. */
  readonly heldUntil: Date | null;
}

/** Reads where a migration is. */
export async function migrationStatus(connection: Connection, given: Migration): Promise<MigrationStatus> {
  const migration = assertMigration(given);
  const count = (name: string) => databaseOf(connection).collection(name, primary).estimatedDocumentCount();
  const state = await readState(connection, migration.name);
  const { job } = jobOf(migration);
  const [run = null] = await listRuns(connection, { jobs: [job], limit: 1 });
  const targets = await Promise.all(
    migration.targets.map(async (name) => [name, await count(name)] as const),
  );
  return {
    ...state,
    route: routeOf(state.phase),
    sourceDocuments: await count(migration.source),
    targetDocuments: Object.fromEntries(targets),
    contractFrom: contractFrom(migration, state),
    progress: run && !state.done ? phaseProgress(run, state) : null,
    run,
    heldUntil: (await leaseHeldUntil(connection, job)) ?? null,
  };
}

/** The job that all runs of a migration are runs of, whichever way they take it. */
export const jobOf = ({ name }: Pick<Migration, "name">) =>
  ({ job: `migrate:${name}`, isResumable: true }) as const;

/** Tells the steps of a phase from those of the same name when it was reached before. Pure. */
export const stepHash = ({ epoch, changedAt }: Pick<MigrationState, "epoch" | "changedAt">): string =>
  `${epoch} ${changedAt.getTime()}`;

function phaseProgress({ steps }: RunRecord, state: MigrationState): RunProgress | null {
  const step = steps.findLast(({ hash }) => hash === stepHash(state));
  return step ? progressOf(step) : null;
}

/** Plan of a command. */
export interface MigrationPlan {
  /** Phases that it would go through, in order. */
  readonly phases: readonly MigrationPhase[];
  /** Whether the work of the phase that the migration is in is unfinished: the command would go on with it first. */
  readonly unfinished: boolean;
}

/** Phases that the runner has work in. */
export const working: readonly MigrationPhase[] = [
  "backfill",
  "verify",
  "switching",
  "reverting",
  "contracting",
];

/**
 * Plans `up`, `rollback` or `contract` from the present state; `up` goes to `to`, or to `switched`. Pure.
 *
 * @throws {OptimizerError} `MIGRATION_NOT_ALLOWED` where the command itself would be refused
 */
export function planMigration(
  status: Pick<MigrationStatus, "_id" | "phase" | "done" | "contractFrom">,
  way: MigrationWay,
  { now, to }: { readonly now: Date; readonly to?: UpTo },
): MigrationPlan {
  const { phase, contractFrom } = status;
  const phases = phasesAhead(phase, way, to);
  if (!phases) throw refusal(status, wordsOf[way](to));
  if (phase === "switched" && way === "contract" && !(contractFrom && contractFrom <= now))
    throw refusal(status, `${wordsOf.contract()} before ${contractFrom?.toISOString()}`, { contractFrom });
  // A rollback leaves undone what was to lead up.
  const isWorkOfWay = way !== "rollback" || phase === "reverting";
  return { phases, unfinished: isWorkOfWay && working.includes(phase) && !status.done };
}

const wordsOf = {
  up: (to: UpTo = "switched") => `go up to ${to}`,
  rollback: () => "be rolled back",
  contract: () => "be contracted",
} as const;

/** Why a migration may not be taken there. */
export function refusal(
  { _id, phase }: Pick<MigrationState, "_id" | "phase">,
  what: string,
  details: Record<string, unknown> = {},
): OptimizerError {
  const message = `Migration "${_id}" is at ${phase}: it cannot ${what}`;
  return new OptimizerError("MIGRATION_NOT_ALLOWED", message, { details: { phase, ...details } });
}

/** From when on contract is allowed; `null` before reads are switched, and when it is done. Pure. */
export function contractFrom(
  { retentionMs = defaultRetentionMs }: Migration,
  state: MigrationState,
): Date | null {
  const { phase, switchedAt } = state;
  return phase === "switched" && switchedAt ? new Date(switchedAt.getTime() + retentionMs) : null;
}
