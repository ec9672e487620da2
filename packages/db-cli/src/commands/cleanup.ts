import {
  type CleanupReport,
  type CleanupRule,
  type CleanupWindow,
  DatabaseOptimizer,
} from "@org/db-optimizer";
import { cleanupJob, drainRules, ttlBacklog } from "@org/db-optimizer/cleanup";

import { type Command, type Context, recordingOf } from "../command.js";
import { CliError, type ExitCode, exitCodes } from "../errors.js";
import { lowersPriority, type PacingOptions, pacingOf, progressLine } from "../pacing.js";
import { cleanupText } from "./cleanup-text.js";
import { type Steering, steered } from "./runs.js";

/** Options of `org-db cleanup`. */
export interface CleanupCommandOptions extends Steering, PacingOptions {
  /** Does what the rules say; without it the command counts. */
  readonly run?: boolean;
  /** Names of the rules; all without it. */
  readonly rule?: readonly string[];
  /** Instead of the rules: what the TTL monitor has not got round to. */
  readonly ttl?: boolean;
  readonly allowCollectionScan?: boolean;
  /** Largest batch, in documents. */
  readonly batch: number;
  /** Hours in which it works, such as `01:00-05:00`. */
  readonly window?: Pick<CleanupWindow, "from" | "to">;
  /** IANA name, of the window. */
  readonly timeZone: string;
  /** Seconds to wait for another process. */
  readonly wait: number;
}

/**
 * `org-db cleanup`: what has outlived its retention, and with `--run` what the rules say is done with it. Also steers
 * the run of another process.
 */
export const cleanup: Command<CleanupCommandOptions> = async (context, options) => {
  const { paint } = context;
  const answer = await steered(context, cleanupJob, options);
  if (answer) return answer;
  const rules = await rulesFor(context, options);
  const report = await carriedOut(context, rules, options);
  return {
    exitCode: exitCodeOf(report),
    data: report,
    text: rules.length === 0 ? nothingText(options) : cleanupText(report, rules, paint),
  };
};

// A run that somebody cancelled did what it was told; one that its own signal stopped did not get through.
function exitCodeOf({ stopReason }: CleanupReport): ExitCode {
  return stopReason === "signal" ? exitCodes.interrupted : exitCodes.ok;
}

function nothingText({ ttl }: CleanupCommandOptions): string {
  return ttl ? "The TTL monitor keeps up.\n" : "The configuration has no cleanup rules.\n";
}

async function rulesFor(
  { connection, config, now }: Context,
  { ttl, rule }: CleanupCommandOptions,
): Promise<readonly CleanupRule[]> {
  if (!ttl) return chosenRules(config.cleanup, rule);
  if (rule) throw new CliError("USAGE", "--ttl makes rules of its own: it does not go with --rule");
  return drainRules(await ttlBacklog(connection, { now: now() }));
}

async function carriedOut(
  context: Context,
  rules: readonly CleanupRule[],
  options: CleanupCommandOptions,
): Promise<CleanupReport> {
  const { connection, signal, progress } = context;
  const { run = false, allowCollectionScan = false, batch, window, timeZone } = options;
  const { limits, throttle } = pacingOf(options);
  // Latency is measured around a run only, and building the queries may itself read.
  const queries = run ? await context.queries() : [];
  if (run && lowersPriority(options)) context.lowerPriority();
  const optimizer = new DatabaseOptimizer(connection, {
    models: context.models,
    cleanup: rules,
    ...recordingOf(context),
  });
  return optimizer.cleanup({
    now: context.now(),
    run,
    allowCollectionScan,
    queries,
    waitMs: options.wait * 1_000,
    limits: { ...limits, maxBatch: batch },
    throttle,
    ...(window && { window: { ...window, timeZone } }),
    clock: () => context.now(),
    signal,
    onProgress: (event) => progress.update(progressLine(event)),
  });
}

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
