import {
  contractMigration,
  type Migration,
  type MigrationPhase,
  type MigrationPlan,
  type MigrationReport,
  type MigrationStatus,
  migrateUp,
  migrationStatus,
  type ProgressReport,
  recordOperation,
  rollbackMigration,
  type UpTo,
  type VerifyReport,
  verifyMigration,
} from "@org/db-optimizer";
import { progressText } from "@org/db-optimizer/jobs";
import { idText, jobOf, planMigration } from "@org/db-optimizer/migrate";

import { type Context, type Outcome, recordingOf } from "../command.js";
import { type migrateActions, runCommands } from "../command-facts.js";
import { CliError, exitCodes } from "../errors.js";
import { count, duration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";
import { lowersPriority, type PacingOptions, pacingOf, progressLine } from "../pacing.js";
import { controlled, runText, waitText } from "./runs.js";

/** Options of `org-db migrate`. */
export interface MigrateCommandOptions extends PacingOptions {
  readonly action: (typeof migrateActions)[number];
  /** Of several migrations: which one. */
  readonly name?: string;
  /** Does it; without it the command shows what it would do. */
  readonly run?: boolean;
  /** Where `up` stops. */
  readonly to: UpTo;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/** `org-db migrate`: where a migration is, and with `--run` the way up, back or to its end. */
export async function migrate(context: Context, options: MigrateCommandOptions): Promise<Outcome> {
  const { action, name, run } = options;
  const { migrations } = context.config;
  if (action === "status" && name === undefined && migrations.length !== 1) return overview(context);
  const migration = chosen(migrations, name);
  if (action === "verify") return verified(context, migration, options);
  if (isRunCommand(action)) return controlled(context, jobOf(migration).job, action);
  const status = await migrationStatus(context.connection, migration);
  if (action === "status") return { exitCode: exitCodes.ok, data: status, text: statusText(status, context) };
  return run
    ? carriedOut(context, migration, { ...options, action })
    : planned(context, status, { ...options, action });
}

function isRunCommand(action: MigrateCommandOptions["action"]): action is (typeof runCommands)[number] {
  return (runCommands as readonly string[]).includes(action);
}

/** All migrations of the configuration. */
async function overview(context: Context): Promise<Outcome> {
  const all: MigrationStatus[] = [];
  for (const migration of context.config.migrations)
    all.push(await migrationStatus(context.connection, migration));
  return {
    exitCode: exitCodes.ok,
    data: { migrations: all },
    text:
      all.map((status) => statusText(status, context)).join("\n") || "The configuration has no migrations.\n",
  };
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

function statusText(status: MigrationStatus, { paint }: Pick<Context, "paint">): string {
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
  return [
    `${paint("bold", status._id)} is at ${paint("cyan", status.phase)}: reads ${status.route.read}, writes ${status.route.write.join(", then ")}.\n`,
    `About ${plural(status.sourceDocuments, "document")} in the source; in the target: ${targets.join(", ")}.\n`,
    workText(status),
    status.run ? `${runText(status.run)}${waitText(status.run)}` : "",
    verification ? verdictText(verification, paint) : "",
    contractFrom ? `It may be contracted from ${contractFrom.toISOString()}.\n` : "",
    rows.length > 0 ? `\n${table(columns, rows)}` : "",
  ].join("");
}

function workText({ progress, heldUntil }: MigrationStatus): string {
  const far = progress ? `It came to ${progressText(progress)}. ` : "";
  if (heldUntil)
    return `${far}A process is running it; its lease expires at ${heldUntil.toISOString()} unless renewed.\n`;
  return progress ? `${far}No process is running it; the next one continues there.\n` : "";
}

type Way = Exclude<MigrateCommandOptions["action"], "status" | "verify" | (typeof runCommands)[number]>;
type WayOptions = MigrateCommandOptions & { readonly action: Way };

function planned(context: Context, status: MigrationStatus, { action, to }: WayOptions): Outcome {
  const { paint } = context;
  const { _id: migration, phase, sourceDocuments } = status;
  const plan = planMigration(status, action, { now: context.now(), to });
  const due = plan.unfinished || plan.phases.length > 0;
  const name = paint("bold", migration);
  return {
    exitCode: due ? exitCodes.drift : exitCodes.ok,
    data: { migration, action, phase, to: plan.phases.at(-1) ?? phase, ...plan, sourceDocuments },
    text: due
      ? `${name} is at ${phase}, with about ${plural(sourceDocuments, "document")} in the source.\n${wayText(status, plan)}${paint("yellow", "Dry run:")} nothing was changed. Do it with ${paint("bold", "--run")}.\n`
      : `${name} is at ${phase} already, and its work is done.\n`,
  };
}

/** Description of each phase. */
const works: Readonly<Record<MigrationPhase, string>> = {
  off: "the source alone is read and written",
  expand: "both are written",
  backfill: "every document is copied",
  verify: "every document is compared, and updated where the target is behind",
  switching: "every document is checked once more; the target is written first",
  switched: "the target is read; the source is still written",
  reverting: "documents that only the target has are copied back",
  contracting:
    "the source is no longer written, and the fields that the migration names are removed: irreversible",
  contracted: "the target alone is read and written",
};

function wayText({ phase, progress }: MigrationStatus, { phases, unfinished }: MigrationPlan): string {
  const rest = progress ? `, from ${progressText(progress)}` : "";
  const first = unfinished ? [[phase, `continues: ${works[phase]}${rest}`] as const] : [];
  const rows = [...first, ...phases.map((next) => [next, works[next]] as const)];
  return `${table([{ title: "phase" }, { title: "what happens" }], rows)}Before each, it waits until every process has seen the one before.\n`;
}

async function carriedOut(context: Context, migration: Migration, options: WayOptions): Promise<Outcome> {
  const { connection, signal, progress, paint } = context;
  const { action, to, wait } = options;
  if (lowersPriority(options)) context.lowerPriority();
  const given = {
    now: () => context.now(),
    signal,
    waitMs: wait * 1_000,
    ...pacingOf(options),
    onProgress: (event: ProgressReport) => progress.update(progressLine(event)),
    onWait: (phase: MigrationPhase, ms: number) =>
      progress.update(`${phase}: waits ${duration(ms)} until every process has seen it`),
  };
  const run = () =>
    action === "up"
      ? migrateUp(connection, migration, given, to)
      : action === "rollback"
        ? rollbackMigration(connection, migration, given)
        : contractMigration(connection, migration, given);
  const report = await recordOperation(recordingOf(context), "migrate", run, migrationDetails);
  return { exitCode: exitCodes.ok, data: report, text: reportText(report, paint) };
}

function migrationDetails({ migration, from, phase, changes, written }: MigrationReport) {
  if (changes.length + written === 0) return undefined;
  return { migration, from, phase, written: String(written) };
}

async function verified(
  context: Context,
  migration: Migration,
  options: MigrateCommandOptions,
): Promise<Outcome> {
  const { connection, signal, progress, paint } = context;
  const verification = await verifyMigration(connection, migration, {
    now: () => context.now(),
    signal,
    ...pacingOf(options),
    onProgress: (event) => progress.update(progressLine(event)),
  });
  return {
    exitCode: verification.clean ? exitCodes.ok : exitCodes.drift,
    data: verification,
    text: `${verdictText(verification, paint)}${mismatchesText(verification)}`,
  };
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

function verdictText(report: VerifyReport, paint: Paint): string {
  const { at, sources, expected, found, repaired, unowned, mismatched, clean } = report;
  const verdict = clean
    ? paint("green", "clean")
    : paint("red", plural(mismatched, "mismatch", "mismatches"));
  const others =
    unowned > 0
      ? `${plural(unowned, "document")} of the target belong to none of the source: left alone.\n`
      : "";
  return `Verified at ${at.toISOString()}: ${plural(sources, "source document")}, ${count(expected)} expected, ${count(found)} found, ${count(repaired)} brought up to date: ${verdict}.\n${others}`;
}

const listed = 50;

function mismatchesText({ mismatches, mismatched }: VerifyReport): string {
  if (mismatches.length === 0) return "";
  const columns = ["kind", "collection", "id", "of source", "why"].map((title) => ({ title }));
  const rows = mismatches
    .slice(0, listed)
    .map(({ kind, collection, id, sourceId, index = "", reason = index }) => [
      kind,
      collection,
      idText(id),
      idText(sourceId),
      reason,
    ]);
  const more =
    mismatched > listed ? `... and ${count(mismatched - listed)} more; --json lists the first 1,000.\n` : "";
  return `\n${table(columns, rows)}${more}`;
}
