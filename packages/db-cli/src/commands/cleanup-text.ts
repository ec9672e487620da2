import type { CleanupReport, RuleReport } from "@org/db-optimizer";

import { bytes, count, duration, maybeDuration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

const figure = (title: string) => ({ title, align: "right" as const });

/** A report of a cleanup for people. */
export function cleanupText(report: CleanupReport, paint: Paint): string {
  const { dryRun, rules } = report;
  const total = rules.reduce((sum, rule) => sum + (dryRun ? rule.matched : rule.deleted), 0);
  if (dryRun) return `${rulesTable(rules, dryRun)}\n${dryText(report, total, paint)}`;
  return [
    `${rulesTable(rules, dryRun)}\n`,
    `${impactTable(report)}\n${latencyText(report)}`,
    doneText(report, total, paint),
    stoppedText(report, paint),
  ].join("");
}

function dryText({ rules }: CleanupReport, total: number, paint: Paint): string {
  const ms = rules.reduce((sum, { estimate }) => sum + estimate.ms, 0);
  const measured = rules.every(({ matched, estimate }) => matched === 0 || estimate.basis === "measured");
  const basis = measured ? "as measured by earlier runs" : "assumed, until a run has measured it";
  const next =
    total > 0
      ? `Remove ${plural(total, "document")} with --run, in about ${duration(ms)} (${basis}).`
      : "There is nothing to remove.";
  return `${paint("yellow", "Dry run:")} nothing was removed. ${next}\n`;
}

function doneText(report: CleanupReport, total: number, paint: Paint): string {
  const { elapsedMs, pausedMs, resumed } = report;
  const paused = pausedMs >= 1_000 ? `, ${duration(pausedMs)} of the run in pauses` : "";
  const lag = report.lag?.during ? ` Replication was at most ${duration(report.lag.during)} behind.` : "";
  return [
    resumed ? "Went on with the run that had not ended.\n" : "",
    `${paint("green", "Removed")} ${plural(total, "document")} in ${duration(elapsedMs)}${paused}.${lag}\n`,
    goneText(report, total),
    ...report.unknown.map(({ signal, reason }) => `Went on without a look at the ${signal}: ${reason}.\n`),
  ].join("");
}

function stoppedText({ stopReason }: CleanupReport, paint: Paint): string {
  if (stopReason === "signal")
    return `${paint("yellow", "Stopped on request.")} Run it again to go on: nothing is lost.\n`;
  return stopReason === "cancelled" ? `${paint("yellow", "Cancelled")} from outside.\n` : "";
}

// The TTL monitor and the application go on meanwhile.
function goneText({ collections }: CleanupReport, removed: number): string {
  const fewer = collections.reduce((sum, { before, after }) => sum + before.documents - after.documents, 0);
  return fewer > removed
    ? `${count(fewer - removed)} more went meanwhile, by TTL indexes or the application.\n`
    : "";
}

function rulesTable(rules: readonly RuleReport[], dryRun: boolean): string {
  return table(
    [
      { title: "rule" },
      { title: "collection" },
      figure("past retention"),
      figure("about"),
      ...(dryRun ? [figure("takes")] : [figure("removed"), figure("batches"), figure("time")]),
      { title: "by index" },
    ],
    rules.map(({ rule, collection, matched, matchedBytes, estimate, deleted, batches, elapsedMs, index }) => [
      rule,
      collection,
      count(matched),
      bytes(matchedBytes),
      ...(dryRun ? [duration(estimate.ms)] : [count(deleted), count(batches), duration(elapsedMs)]),
      index ?? "(scan)",
    ]),
  );
}

function impactTable({ collections }: CleanupReport): string {
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
  return `${table([{ title: "named queries" }, ...["p50", "p95", "samples"].map(figure)], rows)}\n`;
}
