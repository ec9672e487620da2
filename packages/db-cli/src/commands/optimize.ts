import { DatabaseOptimizer, type QueryAnalysis, type WorkloadReport } from "@org/db-optimizer";

import type { Command } from "../command.js";
import { exitCodes } from "../errors.js";
import { findingsText } from "../output/findings.js";
import { count, duration, maybeDuration, plural } from "../output/format.js";
import { counting } from "../output/progress.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** Options of `org-db optimize`. */
export interface OptimizeCommandOptions {
  /** How often each query is timed. */
  readonly rounds: number;
}

/** `org-db optimize`: each named query's plan and latency, slow operations, advice. Writes nothing. */
export const optimize: Command<OptimizeCommandOptions> = async (context, { rounds }) => {
  const { connection, models, config, signal, paint, progress } = context;
  const queries = await context.queries();
  const timed = counting(progress, context.now);
  const report = await new DatabaseOptimizer(connection, { models, queries }).optimize({
    rounds,
    signal,
    ...(config.thresholds && { thresholds: config.thresholds }),
    onProgress: ({ subject, done, total }) => timed(`timing queries, ${subject}`, done, total),
  });
  return { exitCode: exitCodes.ok, data: report, text: optimizeText(report, paint) };
};

function optimizeText(report: WorkloadReport, paint: Paint): string {
  const { queries } = report;
  return [
    queries.length === 0
      ? "The configuration names no queries.\n"
      : `${queriesTable(queries, paint)}\n${ratioText(report, paint)}`,
    `\n${slowText(report, paint)}`,
    `\n${adviceText(report, paint)}`,
  ].join("");
}

function ratioText({ queries, indexHitRatio }: WorkloadReport, paint: Paint): string {
  const absent = queries.filter(({ plan }) => plan.stages.includes("EOF")).length;
  const read = queries.length - absent;
  const ratio = `${(indexHitRatio * 100).toFixed(1)} %`;
  return [
    ...(read > 0
      ? [`Index hit ratio: ${paint("bold", ratio)} of ${plural(read, "query", "queries")}\n`]
      : []),
    ...(absent > 0
      ? [
          `${plural(absent, "query", "queries")} had nothing to read: no such collection yet, or no value that can match.\n`,
        ]
      : []),
  ].join("");
}

function queriesTable(queries: readonly QueryAnalysis[], paint: Paint): string {
  const figure = (title: string) => ({ title, align: "right" as const });
  return table(
    [
      { title: "query" },
      { title: "collection" },
      { title: "plan" },
      figure("examined"),
      figure("returned"),
      figure("p50"),
      figure("p95"),
      { title: "problems" },
    ],
    queries.map(({ query, plan, latency, problems }) => [
      query.name,
      query.collection,
      plan.collectionScan ? paint("red", "scan") : plan.indexes.join(", ") || plan.stages.join(" < ") || "-",
      count(plan.docsExamined),
      count(plan.returned),
      maybeDuration(latency.p50),
      maybeDuration(latency.p95),
      paint("yellow", problems.join(", ")),
    ]),
  );
}

function slowText({ slow }: WorkloadReport, paint: Paint): string {
  if (!slow.known) return `Slow operations: unknown (${slow.reason})\n`;
  if (slow.shapes.length > 0) {
    const rows = slow.shapes.map(({ shape, count: times, maxMillis, totalMillis, plan }) => [
      `${shape.operation} ${shape.collection}`,
      shape.fingerprint,
      count(times),
      duration(maxMillis),
      duration(totalMillis),
      plan ? (plan.collectionScan ? paint("red", "scan") : plan.indexes.join(", ") || "-") : "unknown",
    ]);
    const figure = (title: string) => ({ title, align: "right" as const });
    const columns = [
      { title: "slow operation" },
      { title: "shape" },
      figure("times"),
      figure("longest"),
      figure("in all"),
    ];
    return table([...columns, { title: "plan" }], rows);
  }
  return slow.profiling
    ? "Slow operations: none.\n"
    : "Slow operations: unknown, the profiler is off. Turn it on with db.setProfilingLevel(1, { slowms: 100 }).\n";
}

function adviceText({ findings, shardKeysUnread }: WorkloadReport, paint: Paint): string {
  const unread =
    shardKeysUnread === undefined
      ? ""
      : `Redundant indexes: unknown, the shard keys cannot be read (${shardKeysUnread})\n`;
  return findings.length === 0 && unread ? unread : findingsText(findings, paint) + unread;
}
