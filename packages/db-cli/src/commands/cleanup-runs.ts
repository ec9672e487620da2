import type { CleanupRun } from "@org/db-optimizer";
import { cleanupLease, cleanupRuns, controlCleanup } from "@org/db-optimizer/cleanup";
import { leaseHeldUntil } from "@org/db-optimizer/jobs";

import type { Context, Outcome } from "../command.js";
import { CliError, exitCodes } from "../errors.js";
import { count, duration } from "../output/format.js";
import { table } from "../output/table.js";

/** Options that steer a run instead of making one. */
export interface Steering {
  readonly run?: boolean;
  readonly status?: boolean;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly cancel?: boolean;
}

type Steer = "status" | "pause" | "resume" | "cancel";
const steers: readonly Steer[] = ["status", "pause", "resume", "cancel"];

/**
 * What is to be done with the run of another process; nothing when this one is to run.
 *
 * @throws {CliError} `USAGE` for two things at once
 */
export function steeringOf(options: Steering): Steer | undefined {
  const asked = steers.filter((steer) => options[steer]);
  if (asked.length + Number(options.run ?? false) <= 1) return asked[0];
  const names = [...(options.run ? ["run"] : []), ...asked].map((name) => `--${name}`);
  throw new CliError("USAGE", `${names.join(" and ")} do not go together`);
}

/** Pauses, resumes or cancels the run that is under way, in whatever process. */
export async function controlled(
  { connection, paint }: Context,
  command: Exclude<Steer, "status">,
): Promise<Outcome> {
  const run = await controlCleanup(connection, command);
  const held = await leaseHeldUntil(connection, cleanupLease);
  return {
    exitCode: exitCodes.ok,
    data: run,
    text: `${paint("green", (held ? answers : answersOfNobody)[command])}\n`,
  };
}

const answers = {
  pause: "Asked it to pause: it does after the batch under way, and until --resume.",
  resume: "Asked it to go on.",
  cancel: "Asked it to end after the batch under way.",
} as const;

/** Where no process is at the run any more. */
const answersOfNobody = {
  pause: "No process is at it. Whoever goes on with it with --run begins paused, until --resume.",
  resume: "No process is at it. Go on with it with --run.",
  cancel: "No process was at it: it is cancelled.",
} as const;

/** The last runs, and of the newest where each rule is. */
export async function status({ connection }: Context): Promise<Outcome> {
  const runs = await cleanupRuns(connection);
  const [newest] = runs;
  const held = await leaseHeldUntil(connection, cleanupLease);
  // Of a run that is over nobody waits for anything.
  const remedy = newest?.state === "paused" ? newest.remedy : undefined;
  const gone =
    newest && !held && ["running", "paused"].includes(newest.state)
      ? "\nIts process is gone: the next --run goes on with it.\n"
      : "";
  return {
    exitCode: exitCodes.ok,
    data: { runs, ...(remedy !== undefined && { next: remedy }) },
    text: newest
      ? `${runsTable(runs)}\n${rulesTable(newest)}${remedyText(remedy)}${gone}`
      : "There was no cleanup yet.\n",
  };
}

function remedyText(remedy: string | undefined): string {
  return remedy === undefined ? "" : `\nThe run waits for a privilege: ${remedy}.\n`;
}

function runsTable(runs: readonly CleanupRun[]): string {
  const columns = ["run", "state", "why", "by", "at work", "paused"].map((title) => ({ title }));
  return table(
    columns,
    runs.map(({ _id, state, detail, error, wanted, by, activeMs, pausedMs }) => [
      _id,
      wanted === undefined || state === "cancelled" ? state : `${state} (${wanted} asked for)`,
      detail ?? error?.code ?? "",
      by,
      duration(activeMs),
      duration(pausedMs),
    ]),
  );
}

function rulesTable({ rules }: CleanupRun): string {
  return table(
    [
      { title: "rule" },
      { title: "collection" },
      { title: "done", align: "right" },
      { title: "of", align: "right" },
      { title: "per second", align: "right" },
      { title: "left", align: "right" },
    ],
    rules.map(({ rule, collection, done, total, activeMs }) => {
      const rate = activeMs > 0 ? (done / activeMs) * 1_000 : 0;
      const left = total === null ? 0 : Math.max(total - done, 0);
      return [
        rule,
        collection,
        count(done),
        total === null ? "" : count(total),
        rate > 0 ? count(rate) : "",
        rate > 0 && left > 0 ? duration((left / rate) * 1_000) : "",
      ];
    }),
  );
}
