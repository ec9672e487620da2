import {
  type CollectionShardPlan,
  DatabaseOptimizer,
  type ShardKeyCandidate,
  type ShardPlan,
} from "@org/db-optimizer";

import type { Command } from "../command.js";
import { exitCodes } from "../errors.js";
import { bytes, plural } from "../output/format.js";
import { counting } from "../output/progress.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

/** Options of `org-db shard-plan`. */
export interface ShardPlanCommandOptions {
  /** Documents sampled of each collection. */
  readonly sample: number;
  /** Data from which sharding is worth its cost, GiB. */
  readonly worthwhile: number;
}

const shown = 5;

/** `org-db shard-plan`: by which key each collection would be sharded, and what that costs. Writes nothing. */
export const shardPlan: Command<ShardPlanCommandOptions> = async (context, { sample, worthwhile }) => {
  const { connection, models, paint, progress } = context;
  const sampled = counting(progress, context.now);
  const optimizer = new DatabaseOptimizer(connection, { models, queries: await context.queries() });
  const plan = await optimizer.shardPlan({
    sample,
    worthwhileBytes: worthwhile * 2 ** 30,
    onProgress: ({ subject, done, total }) => sampled(`sampling collections, ${subject}`, done, total),
  });
  return {
    exitCode: plan.unknown.length > 0 ? exitCodes.undecidable : exitCodes.ok,
    data: plan,
    text: shardPlanText(plan, paint),
  };
};

function shardPlanText({ sharded, collections, unknown }: ShardPlan, paint: Paint): string {
  return [
    sharded
      ? ""
      : `${paint("dim", "The server is no router of a sharded cluster; this is what one would need.")}\n\n`,
    ...collections.map((plan) => collectionText(plan, paint)),
    ...unknown.map(({ collection, reason }) => `${paint("yellow", "unknown")} ${collection}: ${reason}\n`),
  ].join("");
}

const colours = { shard: "yellow", reshard: "yellow", keep: "green", later: "green", cannot: "dim" } as const;

function collectionText(plan: CollectionShardPlan, paint: Paint): string {
  const { collection, documents, dataBytes, verdict, reason, candidates, commands, notes } = plan;
  return [
    `${paint("bold", collection)}  ${plural(documents, "document")}, ${bytes(dataBytes)}\n`,
    `  ${paint(colours[verdict], verdict)}: ${reason}\n`,
    candidates.length > 0 ? indented(candidatesText(candidates, plan.current)) : "",
    ...notes.map((note) => paint("dim", `  note: ${note}\n`)),
    verdict === "later" && commands.length > 0 ? paint("dim", "  once it has outgrown one shard:\n") : "",
    ...commands.map((command) => `  ${paint(verdict === "later" ? "dim" : "cyan", command)}\n`),
    "\n",
  ].join("");
}

function candidatesText(candidates: readonly ShardKeyCandidate[], current?: ShardKeyCandidate): string {
  const figure = (title: string) => ({ title, align: "right" as const });
  const first = candidates.slice(0, shown);
  const rows = current && !first.includes(current) ? [...first, current] : first;
  return table(
    [
      { title: "shard key" },
      figure("points"),
      figure("values"),
      figure("commonest"),
      figure("with time"),
      figure("one / some / all shards"),
      { title: "against it" },
    ],
    rows.map((candidate) => rowOf(candidate, candidate === current)),
  );
}

function rowOf({ key, points, measure, targets, problems }: ShardKeyCandidate, inUse: boolean): string[] {
  const { sampled, distinct, mostCommonShare, monotonicity } = measure;
  const count = (target: string) => targets.filter((query) => query.target === target).length;
  return [
    `${key.map(({ field, kind }) => (kind === 1 ? field : `${field} (${kind})`)).join(", ")}${inUse ? " *in use*" : ""}`,
    String(points),
    sampled === 0 ? "-" : `${distinct} of ${sampled}`,
    sampled === 0 ? "-" : `${(mostCommonShare * 100).toFixed(1)} %`,
    monotonicity === null ? "-" : monotonicity.toFixed(2),
    targets.length === 0 ? "-" : `${count("one_shard")} / ${count("some_shards")} / ${count("all_shards")}`,
    problems.map((problem) => problem.replaceAll("_", " ")).join(", "),
  ];
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
