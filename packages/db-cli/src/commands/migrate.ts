import {
  contractMigration,
  type Migration,
  type MigrationPhase,
  type MigrationProgress,
  type MigrationReport,
  type MigrationStatus,
  type Mismatch,
  migrateUp,
  migrationStatus,
  recordOperation,
  rollbackMigration,
  type UpTo,
  type VerifyReport,
  verifyMigration,
} from "@org/db-optimizer";

import { type Context, type Outcome, recordingOf } from "../command.js";
import { CliError, exitCodes } from "../errors.js";
import { count, duration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** What `org-db migrate` can do. */
export const migrateActions = ["status", "up", "verify", "rollback", "contract"] as const;

/** Options of `org-db migrate`. */
export interface MigrateCommandOptions {
  readonly action: (typeof migrateActions)[number];
  /** Of several migrations: which one. */
  readonly name?: string;
  /** Does it; without it the command shows what it would do. */
  readonly run?: boolean;
  /** Where `up` stops. */
  readonly to: UpTo;
  /** Pause after a batch, as a multiple of its time. */
  readonly nice: number;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/** `org-db migrate`: where a migration is, and with `--run` the way up, back or to its end. */
export async function migrate(context: Context, options: MigrateCommandOptions): Promise<Outcome> {
  const migration = chosen(context.config.migrations, options.name);
  if (options.action === "verify") return verified(context, migration);
  const status = await migrationStatus(context.connection, migration);
  if (options.action === "status") return shown(status, context.paint);
  return options.run ? carriedOut(context, migration, options) : planned(context, status, options);
}

function chosen(migrations: readonly Migration[], name: string | undefined): Migration {
  const known = migrations.map((one) => one.name).join(", ") || "none";
  const found = name === undefined ? migrations : migrations.filter((one) => one.name === name);
  const [only] = found;
  if (only && found.length === 1) return only;
  throw new CliError(
    "USAGE",
    found.length > 1
      ? `There are several migrations, name one: ${known}`
      : `No migration ${name === undefined ? "in the configuration" : `is named "${name}"`}; there are: ${known}`,
  );
}

function shown(status: MigrationStatus, paint: Paint): Outcome {
  const { verification, contractFrom, history } = status;
  const targets = Object.entries(status.targetDocuments).map(
    ([name, documents]) => `${name} ${count(documents)}`,
  );
  const rows = history.map(({ at, from, to, by, fencing }) => [
    at.toISOString(),
    `${from} -> ${to}`,
    by,
    `${fencing}`,
  ]);
  const columns = ["at", "change", "by", "fencing"].map((title) => ({ title }));
  return {
    exitCode: exitCodes.ok,
    data: status,
    text: [
      `${paint("bold", status._id)} is at ${paint("cyan", status.phase)}: reads ${status.route.read}, writes ${status.route.write.join(", then ")}.\n`,
      `About ${plural(status.sourceDocuments, "document")} in the source; in the target: ${targets.join(", ")}.\n`,
      verification ? verdictText(verification, paint) : "",
      contractFrom ? `It may be contracted from ${contractFrom.toISOString()}.\n` : "",
      rows.length > 0 ? `\n${table(columns, rows)}` : "",
    ].join(""),
  };
}

const ways: { readonly [A in MigrateCommandOptions["action"]]?: (to: UpTo) => string } = {
  up: (to) =>
    `It goes up to ${to}: each phase waits until every process has seen it; documents are copied, compared and, before reads are switched, swept once more.`,
  rollback: () =>
    "It goes back until the source alone is read and written; what was written meanwhile is carried back.",
  contract: () => "The source is written no more and loses what the migration names. There is no way back.",
};

const ends: { readonly [A in MigrateCommandOptions["action"]]?: (to: UpTo) => MigrationPhase } = {
  up: (to) => to,
  rollback: () => "off",
  contract: () => "contracted",
};

function planned(
  { paint }: Context,
  status: MigrationStatus,
  { action, to }: MigrateCommandOptions,
): Outcome {
  const end = ends[action]?.(to);
  const there = status.phase === end;
  return {
    exitCode: there ? exitCodes.ok : exitCodes.drift,
    data: {
      migration: status._id,
      action,
      phase: status.phase,
      to: end,
      sourceDocuments: status.sourceDocuments,
    },
    text: there
      ? `${paint("bold", status._id)} is at ${status.phase} already.\n`
      : `${paint("bold", status._id)} is at ${status.phase}, with about ${plural(status.sourceDocuments, "document")} in the source.\n${ways[action]?.(to)}\n${paint("yellow", "Dry run:")} nothing was changed. Do it with ${paint("bold", "--run")}.\n`,
  };
}

async function carriedOut(
  context: Context,
  migration: Migration,
  { action, to, nice, wait }: MigrateCommandOptions,
): Promise<Outcome> {
  const { connection, signal, progress, paint } = context;
  const options = {
    now: () => context.now(),
    signal,
    waitMs: wait * 1_000,
    limits: { niceRatio: nice },
    onProgress: (event: MigrationProgress) => progress.update(progressText(event)),
  };
  const run = () =>
    action === "up"
      ? migrateUp(connection, migration, options, to)
      : action === "rollback"
        ? rollbackMigration(connection, migration, options)
        : contractMigration(connection, migration, options);
  const report = await recordOperation(recordingOf(context), "migrate", run, migrationDetails);
  return { exitCode: exitCodes.ok, data: report, text: reportText(report, paint) };
}

function migrationDetails({ migration, from, phase, changes, written }: MigrationReport) {
  if (changes.length + written === 0) return undefined;
  return { migration, from, phase, written: String(written) };
}

async function verified(context: Context, migration: Migration): Promise<Outcome> {
  const { connection, signal, progress, paint } = context;
  const verification = await verifyMigration(connection, migration, {
    now: () => context.now(),
    signal,
    onProgress: (event) => progress.update(progressText(event)),
  });
  return {
    exitCode: verification.clean ? exitCodes.ok : exitCodes.drift,
    data: verification,
    text: `${verdictText(verification, paint)}${mismatchesText(verification.mismatches)}`,
  };
}

function progressText({ phase, done, total, rate, etaMs }: MigrationProgress): string {
  const share = total > 0 ? Math.floor((done / total) * 100) : 100;
  const left = etaMs === null ? "" : `, ${duration(etaMs)} left`;
  return `${phase}: ${count(done)} of ${count(total)} (${share} %), ${count(rate)} per second${left}`;
}

function reportText(
  { migration, from, phase, changes, walked, written, elapsedMs, verification }: MigrationReport,
  paint: Paint,
): string {
  const way = changes.length > 0 ? [from, ...changes].join(" -> ") : `${phase}, as it was`;
  return [
    `${paint("green", migration)} ${way}\n`,
    `${plural(walked, "document")} walked, ${count(written)} written in ${duration(elapsedMs)}.\n`,
    verification ? verdictText(verification, paint) : "",
  ].join("");
}

function verdictText(
  { at, sources, expected, found, repaired, mismatched, clean }: VerifyReport,
  paint: Paint,
): string {
  const verdict = clean
    ? paint("green", "clean")
    : paint("red", plural(mismatched, "mismatch", "mismatches"));
  return `Verified at ${at.toISOString()}: ${plural(sources, "source document")}, ${count(expected)} expected, ${count(found)} found, ${count(repaired)} brought up to date: ${verdict}.\n`;
}

function mismatchesText(mismatches: readonly Mismatch[]): string {
  if (mismatches.length === 0) return "";
  const columns = ["kind", "collection", "id", "of source", "index"].map((title) => ({ title }));
  const rows = mismatches
    .slice(0, 50)
    .map(({ kind, collection, id, sourceId, index = "" }) => [
      kind,
      collection,
      String(id),
      String(sourceId),
      index,
    ]);
  return `\n${table(columns, rows)}`;
}
