import { DatabaseOptimizer, type HealthReport, OptimizerError, planSetup } from "@org/db-optimizer";

import { type Command, type Context, type Outcome, recordingOf } from "../command.js";
import type { healthFormats } from "../command-facts.js";
import { CliError, type ExitCode, exitCodes } from "../errors.js";
import { healthHtml } from "../health/html.js";
import { healthMarkdown } from "../health/markdown.js";
import { healthPrometheus } from "../health/prometheus.js";
import { healthText } from "../health/text.js";
import { watchHealth } from "../health/watch.js";
import { nextOf } from "../next-command.js";
import { groupedFindings } from "../output/findings.js";
import type { Paint } from "../output/style.js";
import { leastValidation } from "./plan.js";

type HealthFormat = (typeof healthFormats)[number];

/** Options of `org-db health`. */
export interface HealthCommandOptions {
  readonly format: HealthFormat;
  readonly json?: boolean;
  /** Seconds between two checks; `true` without a number. */
  readonly watch?: number | true;
  /** Whether the figures are kept, to be compared with in a week. */
  readonly keep?: boolean;
  /** Lowest score with which it ends as if all were well. */
  readonly failUnder?: number;
}

const watchSeconds = 5;

/** Exit codes that a score under the limit goes before. */
const passing: readonly ExitCode[] = [exitCodes.ok, exitCodes.undecidable];

/** `org-db health`: score, findings, and the command that fixes each. Writes nothing without `--keep`. */
export const health: Command<HealthCommandOptions> = async (context, options) => {
  const { connection, models, config, paint, progress, now } = context;
  const format = options.json ? "json" : options.format;
  if (options.watch !== undefined && format !== "text" && format !== "json")
    throw new CliError("USAGE", `--watch prints text or JSON, not ${format}`);
  const queries = await context.queries();
  const checks = await context.checks();
  const optimizer = new DatabaseOptimizer(connection, { models, queries, ...recordingOf(context) });
  const check = (previous?: HealthReport) =>
    optimizer.health({
      now: now(),
      ...(config.thresholds && { thresholds: config.thresholds }),
      checks,
      keep: options.keep === true,
      ...(previous && { previous }),
    });
  if (options.watch !== undefined) {
    const seconds = options.watch === true ? watchSeconds : options.watch;
    const seen = await watchHealth(context, { everyMs: seconds * 1_000, json: format === "json", check });
    const exitCode = seen.failure
      ? exitCodes.error
      : seen.report
        ? exitCodeOf(seen.report)
        : exitCodes.interrupted;
    return { exitCode, text: "" };
  }
  progress.update("checking the database ...");
  const report = await check();
  const outcome = printed(report, format, await nextCommands(context, report), paint);
  return report.score < (options.failUnder ?? 0) && passing.includes(outcome.exitCode)
    ? { ...outcome, exitCode: exitCodes.drift }
    : outcome;
};

/** The commands to run next: those that plan names, else that of the worst finding which has one. */
async function nextCommands(
  { connection, models, config }: Context,
  { facts, findings }: HealthReport,
): Promise<readonly string[]> {
  // An index list that may not be read is a finding already.
  const found = facts.indexes.known
    ? await planSetup(connection, models, leastValidation(config.validation)).catch(() => undefined)
    : undefined;
  const { commands } = found ? nextOf(found, {}) : { commands: [] };
  if (commands.length > 0) return commands;
  const [worst] = groupedFindings(findings).flatMap(({ shown }) =>
    shown.flatMap(({ command = [] }) => command),
  );
  return worst?.startsWith("org-db ") ? [worst] : [];
}

function printed(report: HealthReport, format: HealthFormat, next: readonly string[], paint: Paint): Outcome {
  const shortcoming = shortcomingOf(report);
  const end = { exitCode: exitCodeOf(report), ...(shortcoming && { shortcoming }) };
  if (format === "json") return { ...end, data: { ...report, next } };
  if (format === "text") return { ...end, text: `${healthText(report, paint)}${nextText(next, paint)}` };
  const texts = {
    html: healthHtml,
    prometheus: healthPrometheus,
    markdown: healthMarkdown,
  };
  return { ...end, text: texts[format](report) };
}

function nextText(next: readonly string[], paint: Paint): string {
  return next.length > 0 ? `\nNext: ${next.map((command) => paint("bold", command)).join(", then ")}\n` : "";
}

function shortcomingOf({ keeping }: HealthReport): OptimizerError | undefined {
  return keeping && !keeping.kept ? new OptimizerError(keeping.code, keeping.reason) : undefined;
}

function exitCodeOf({ facts, undecided, keeping }: HealthReport): ExitCode {
  const lacking = keeping?.kept === false ? keeping.code : undefined;
  if (lacking !== undefined && lacking !== "NOT_AUTHORIZED") return exitCodes.error;
  if (facts.indexes.known && !facts.indexes.value.drift.inSync) return exitCodes.drift;
  return undecided || lacking ? exitCodes.undecidable : exitCodes.ok;
}
