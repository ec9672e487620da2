// Shows and controls the runs of a command's job, in any process.
import {
  controlRun,
  leaseHeldUntil,
  listRuns,
  progressOf,
  progressText,
  type RunCommand,
  type RunRecord,
  rateText,
} from "@org/db-optimizer/jobs";

import type { Context, Outcome } from "../command.js";
import { runCommands } from "../command-facts.js";
import { CliError, exitCodes } from "../errors.js";
import { count, duration } from "../output/format.js";
import { table } from "../output/table.js";

/** Options that steer a run instead of making one. */
export interface Steering {
  /** Makes a run. */
  readonly run?: boolean;
  readonly status?: boolean;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly cancel?: boolean;
}

const steers = ["status", ...runCommands] as const;

/**
 * The answer to the command for the run of another process, if one was given.
 *
 * @throws {CliError} `USAGE` for two commands at once
 */
export async function steered(
  context: Context,
  job: string,
  options: Steering,
): Promise<Outcome | undefined> {
  const [asked, ...more] = steers.filter((steer) => options[steer]);
  if (!asked) return undefined;
  if (options.run || more.length > 0) {
    const names = [...(options.run ? ["run"] : []), asked, ...more].map((name) => `--${name}`);
    throw new CliError("USAGE", `${names.join(" and ")} do not go together`);
  }
  return asked === "status" ? runsStatus(context, job) : controlled(context, job, asked);
}

/** Pauses, resumes or cancels the last run of a job, in whatever process. */
export async function controlled(
  { connection, paint }: Context,
  job: string,
  command: RunCommand,
): Promise<Outcome> {
  const run = await controlRun(connection, { job }, command);
  const held = await leaseHeldUntil(connection, job);
  return {
    exitCode: exitCodes.ok,
    data: run,
    text: `${paint("green", (held ? answers : answersOfNobody)[command])}\n`,
  };
}

const answers = {
  pause: "Asked it to pause: it does after the batch under way, and until --resume.",
  resume: "Asked it to continue.",
  cancel: "Asked it to end after the batch under way.",
} as const;

/** Where no process is at the run any more. */
const answersOfNobody = {
  pause: "No process is running it. The next --run starts paused, until --resume.",
  resume: "No process is running it. Continue with --run.",
  cancel: "No process was running it; it is cancelled.",
} as const;

/** The last runs of a job, and of the newest where each step is. */
async function runsStatus({ connection }: Context, job: string): Promise<Outcome> {
  const runs = await listRuns(connection, { jobs: [job] });
  const [newest] = runs;
  const remedy = newest?.remedy;
  return {
    exitCode: exitCodes.ok,
    data: { runs, ...(remedy !== undefined && { next: remedy }) },
    text: newest
      ? `${runsTable(runs)}\n${stepsTable(newest)}${waitText(newest)}`
      : `There was no ${job} yet.\n`,
  };
}

/** The remedy for a run that waits or is interrupted, if any. */
export function waitText(run: RunRecord): string {
  const { remedy } = run;
  const gone = run.reason === "process_lost" ? "\nIts process is gone: the next --run continues it.\n" : "";
  return `${remedy === undefined ? "" : `\nThe run waits for a privilege: ${remedy}.\n`}${gone}`;
}

/** A run in a line: how it stands, why, and how far it is. */
export function runText({ state, wanted, detail, reason, error, progress, instance }: RunRecord): string {
  const asked = wanted === undefined ? "" : ` (${wanted} asked for)`;
  const why = detail ?? reason ?? error?.code;
  const far = progress ? `; ${progressText(progress)}` : "";
  return `Last run: ${state}${asked}${why === undefined ? "" : `, ${why}`}, by ${instance}${far}.\n`;
}

function runsTable(runs: readonly RunRecord[]): string {
  const columns = ["run", "state", "why", "by", "working", "paused"].map((title) => ({ title }));
  return table(
    columns,
    runs.map(({ _id, state, detail, reason, error, wanted, instance, activeMs, pausedMs }) => [
      _id,
      wanted === undefined ? state : `${state} (${wanted} asked for)`,
      detail ?? error?.code ?? reason ?? "",
      instance,
      duration(activeMs),
      duration(pausedMs),
    ]),
  );
}

function stepsTable({ steps }: RunRecord): string {
  return table(
    [
      { title: "step" },
      { title: "collection" },
      { title: "done", align: "right" },
      { title: "of", align: "right" },
      { title: "rate", align: "right" },
      { title: "left", align: "right" },
    ],
    steps.map((state) => {
      const { step, collection, done, total, rate, etaMs } = progressOf(state);
      return [
        step,
        collection,
        count(done),
        total === null ? "" : count(total),
        rate > 0 ? rateText(rate) : "",
        etaMs !== null && etaMs > 0 ? duration(etaMs) : "",
      ];
    }),
  );
}
