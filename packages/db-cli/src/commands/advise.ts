import {
  DatabaseOptimizer,
  type IndexAdvice,
  type Measured,
  type Rejection,
  type WorkloadReport,
} from "@org/db-optimizer";

import type { Command } from "../command.js";
import { exitCodes } from "../errors.js";
import { bytes, count, duration, plural } from "../output/format.js";
import { counting } from "../output/progress.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** Options of `org-db advise`. */
export interface AdviseCommandOptions {
  /** Documents of a collection that are copied, at most. */
  readonly sample: number;
  /** Wasted documents up to which a query is left alone. */
  readonly minWaste: number;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/** `org-db advise`: indexes that were measured on a copy. Changes none of the models' collections. */
export const advise: Command<AdviseCommandOptions> = async (context, { sample, minWaste, wait }) => {
  const { connection, models, config, signal, paint, progress } = context;
  const slowOperationMs = config.thresholds?.slowOperationMs;
  const queries = await context.queries();
  const tried = counting(progress, context.now);
  const report = await new DatabaseOptimizer(connection, { models, queries }).advise({
    limits: {
      sampleDocuments: sample,
      minimumWaste: minWaste,
      ...(slowOperationMs !== undefined && { slowOperationMs }),
    },
    waitMs: wait * 1_000,
    signal,
    onProgress: ({ subject, done, total }) =>
      tried(`trying indexes on copies of collections, ${subject}`, done, total),
  });
  // Readable by its owner only: like the output of `optimize`, it holds the values of named queries.
  const { queries: _timed, findings: _found, indexHitRatio: _ratio, ...data } = report;
  return { exitCode: exitCodes.ok, data, text: adviceText(report, paint) };
};

function adviceText(report: WorkloadReport, paint: Paint): string {
  const { advice, rejections, removedLeftovers } = report;
  return [
    workloadText(report),
    profilerText(report, paint),
    "\n",
    advice.length === 0 ? `${paint("green", "No index is advised.")}\n` : "",
    ...advice.map((index) => indexText(index, paint)),
    rejections.length > 0 ? `${paint("bold", "Not advised")}\n` : "",
    ...rejections.map((rejection) => rejectionText(rejection, paint)),
    removedLeftovers.length > 0
      ? `Removed what a run that died had left: ${removedLeftovers.join(", ")}\n`
      : "",
  ].join("");
}

function workloadText({ workload }: WorkloadReport): string {
  if (workload.length === 0) return "No queries to analyse: none are named, and none were recorded.\n";
  const figure = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: "query" },
    { title: "collection" },
    figure("times"),
    figure("examined"),
    figure("returned"),
  ];
  return table(
    [...columns, figure("wasted")],
    workload.map(({ name, shape, executions, plan, wastedBytes }) => [
      name,
      shape.collection,
      count(executions),
      plan ? count(plan.docsExamined) : "-",
      plan ? count(plan.returned) : "-",
      bytes(wastedBytes),
    ]),
  );
}

function profilerText({ slow }: WorkloadReport, paint: Paint): string {
  if (slow.known && slow.profiling) return "";
  const why = slow.known
    ? "the profiler is off; db.setProfilingLevel(1, { slowms: 100 }) turns it on"
    : slow.reason;
  return paint("dim", `Recorded operations: ${why}\n`);
}

function indexText(index: IndexAdvice, paint: Paint): string {
  const { queries, writeCost, estimatedBytes, supersedes, sampled, command } = index;
  const writes = `${duration(writeCost.without)} to ${duration(writeCost.with)} for ${plural(writeCost.documents, "insert")}`;
  return [
    `${paint("yellow", "advice")} ${paint("cyan", command)}`,
    `       ${index.reason}; measured on ${count(sampled.documents)} of ${plural(sampled.of, "document")}`,
    ...queries.map(
      ({ query, before, after }) => `       ${query}: ${costText(before)} -> ${costText(after)}`,
    ),
    `       costs about ${bytes(estimatedBytes)}; writes from ${writes}`,
    ...(supersedes.length > 0 ? [`       then redundant: ${supersedes.join(", ")}`] : []),
    "",
    "",
  ].join("\n");
}

function costText({ work, millis, collectionScan, blockingSort }: Measured): string {
  const how = [...(collectionScan ? ["scan"] : []), ...(blockingSort ? ["sort in memory"] : [])];
  return `${count(work)} read, ${duration(millis)}${how.length > 0 ? ` (${how.join(", ")})` : ""}`;
}

function rejectionText({ code, collection, query, keys, evidence }: Rejection, paint: Paint): string {
  const fields = keys?.map(({ field, kind }) => `${field}: ${kind}`).join(", ");
  const what = fields ? `${collection} { ${fields} }` : collection;
  return `${paint("dim", code)} ${what} for ${query}: ${evidence}\n`;
}
