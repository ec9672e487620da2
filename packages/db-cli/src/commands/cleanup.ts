import {
  type CleanupProgress,
  type CleanupReport,
  DatabaseOptimizer,
  type RuleReport,
} from "@org/db-optimizer";

import type { Command } from "../command.js";
import { CliError, exitCodes } from "../errors.js";
import { bytes, count, duration, maybeDuration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** Options of `org-db cleanup`. */
export interface CleanupCommandOptions {
  /** Removes; without it the command counts. */
  readonly run?: boolean;
  /** Names of the rules; all without it. */
  readonly rule?: readonly string[];
  readonly allowCollectionScan?: boolean;
  /** Pause after a batch, as a multiple of its time. */
  readonly nice: number;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/** `org-db cleanup`: what has outlived its retention, and with `--run` its removal. */
export const cleanup: Command<CleanupCommandOptions> = async (context, options) => {
  const { connection, models, signal, paint, progress } = context;
  const { run = false, allowCollectionScan = false } = options;
  const rules = chosenRules(context.config.cleanup, options.rule);
  // Latency is measured around a run only, and building the queries may itself read.
  const queries = run ? await context.queries() : [];
  const report = await new DatabaseOptimizer(connection, { models, queries, cleanup: rules }).cleanup({
    now: context.now(),
    run,
    allowCollectionScan,
    waitMs: options.wait * 1_000,
    limits: { niceRatio: options.nice },
    signal,
    onProgress: (event) => progress.update(progressText(event)),
  });
  return {
    exitCode: report.stopped ? exitCodes.interrupted : exitCodes.ok,
    data: report,
    text: rules.length === 0 ? "The configuration has no cleanup rules.\n" : cleanupText(report, paint),
  };
};

function chosenRules<T extends { name: string }>(
  rules: readonly T[],
  names: readonly string[] = [],
): readonly T[] {
  const unknown = names.find((name) => !rules.some((rule) => rule.name === name));
  if (unknown !== undefined) {
    const known = rules.map(({ name }) => name).join(", ") || "none";
    throw new CliError("USAGE", `No cleanup rule is named "${unknown}"; there are: ${known}`);
  }
  return names.length === 0 ? rules : rules.filter(({ name }) => names.includes(name));
}

function progressText({ rule, done, total, rate, etaMs }: CleanupProgress): string {
  const share = total > 0 ? Math.floor((done / total) * 100) : 100;
  const left = etaMs === null ? "" : `, ${duration(etaMs)} left`;
  return `${rule}: ${count(done)} of ${count(total)} (${share} %), ${count(rate)} per second${left}`;
}

function cleanupText(report: CleanupReport, paint: Paint): string {
  const { dryRun, stopped, rules, elapsedMs } = report;
  const total = rules.reduce((sum, rule) => sum + (dryRun ? rule.matched : rule.deleted), 0);
  return [
    rulesTable(rules, dryRun),
    "\n",
    dryRun ? "" : `${impactTable(report)}\n${latencyText(report)}`,
    dryRun
      ? `${paint("yellow", "Dry run:")} nothing was removed. ${total > 0 ? `Remove ${plural(total, "document")} with --run.` : "There is nothing to remove."}\n`
      : `${paint("green", "Removed")} ${plural(total, "document")} in ${duration(elapsedMs)}.\n${goneText(report, total)}`,
    stopped ? `${paint("yellow", "Stopped on request.")} Run it again to go on: nothing is lost.\n` : "",
  ].join("");
}

// The TTL monitor and the application go on meanwhile.
function goneText({ collections }: CleanupReport, removed: number): string {
  const fewer = collections.reduce((sum, { before, after }) => sum + before.documents - after.documents, 0);
  return fewer > removed
    ? `${count(fewer - removed)} more went meanwhile, by TTL indexes or the application.\n`
    : "";
}

function rulesTable(rules: readonly RuleReport[], dryRun: boolean): string {
  const figure = (title: string) => ({ title, align: "right" as const });
  return table(
    [
      { title: "rule" },
      { title: "collection" },
      figure("past retention"),
      figure("about"),
      ...(dryRun ? [] : [figure("removed"), figure("batches"), figure("time")]),
      { title: "by index" },
    ],
    rules.map(({ rule, collection, matched, matchedBytes, deleted, batches, elapsedMs, index }) => [
      rule,
      collection,
      count(matched),
      bytes(matchedBytes),
      ...(dryRun ? [] : [count(deleted), count(batches), duration(elapsedMs)]),
      index ?? "(scan)",
    ]),
  );
}

function impactTable({ collections }: CleanupReport): string {
  const figure = (title: string) => ({ title, align: "right" as const });
  const change = (before: number, after: number) => `${bytes(before)} -> ${bytes(after)}`;
  return table(
    [{ title: "collection" }, figure("documents"), figure("data"), figure("storage"), figure("indexes")],
    collections.map(({ collection, before, after }) => [
      collection,
      `${count(before.documents)} -> ${count(after.documents)}`,
      change(before.dataBytes, after.dataBytes),
      change(before.storageBytes, after.storageBytes),
      change(before.indexBytes, after.indexBytes),
    ]),
  );
}

function latencyText({ latency }: CleanupReport): string {
  if (!latency) return "";
  const rows = (["before", "during", "after"] as const).map((when) => {
    const { p50, p95, samples } = latency[when];
    return [when, maybeDuration(p50), maybeDuration(p95), count(samples)];
  });
  const figures = ["p50", "p95", "samples"].map((title) => ({ title, align: "right" as const }));
  return `${table([{ title: "named queries" }, ...figures], rows)}\n`;
}
