// The two ways to run cleanup rules: counted, or carried out as a run of the job.
import type { Connection } from "mongoose";
import { checked } from "../core/checked.js";
import { toOptimizerError } from "../core/errors.js";
import { databaseOf } from "../core/server/database.js";
import { assertClock, serverTime } from "../core/server/time.js";
import { checkPacing } from "../jobs/pacing/limits.js";
import { cleanupWindowSchema, type ParsedCleanupWindow } from "../jobs/pacing/window.js";
import { type JobIdentity, runJob } from "../jobs/run-job.js";
import { assertActions } from "./actions.js";
import { carryOut } from "./carry-out.js";
import { dueRule } from "./due.js";
import { estimate } from "./estimate.js";
import type { CleanupOptions } from "./options.js";
import { parseRules } from "./parse-rules.js";
import type { CleanupReport } from "./report.js";
import { ruleIndexes } from "./rule-index.js";
import { type CleanupRule, cleanupJob, hashOf, type ParsedCleanupRule } from "./rules.js";

/**
 * Applies the rules to expired documents, in bounded batches that adapt to the server.
 *
 * Each batch selects ids by the rule's index and handles exactly those, stating the rule again, so that a document that
 * changed meanwhile stays. Writes wait for the majority of a replica set. A run that writes is a run of the job `cleanup`:
 * it holds the job's lease and knows before every batch that it does; it writes down where it is after every batch, waits
 * while the server is under load, and can be paused, resumed and cancelled by `controlRun`. A run that is stopped or killed
 * loses nothing: the next one with the same rules continues it. A rule that the server refuses on its collection, or whose
 * archive fails, ends the run with its error once the other rules are carried out.
 *
 * @throws {OptimizerError} `INVALID_RULE`, `INVALID_OPTIONS`, `CLOCK_AHEAD`; `RULE_NEEDS_INDEX`, and `ARCHIVE_FAILED`
 * of a file that is out of reach, before anything is written; `LOCKED`, `LEASE_LOST`; `ARCHIVE_FAILED`, `DISK_FULL`; `NOT_AUTHORIZED`, `UNREACHABLE`, `TIMED_OUT` as the
 * server says
 */
export async function runCleanup(
  connection: Connection,
  rules: readonly CleanupRule[],
  options: CleanupOptions,
): Promise<CleanupReport> {
  const parsed = parseRules(rules);
  const window = parseWindow(options.window);
  checkPacing(options);
  try {
    const indexes = await readyRules(connection, parsed, options);
    const due = parsed.map((rule) => dueRule(rule, indexes, options.now));
    if (!options.run) return await estimate(connection, due, options);
    assertClock(options.now, await serverTime(databaseOf(connection)), "nothing was removed");
    return await runJob(connection, cleanupJobOf(rules), options, (run) =>
      carryOut(connection, run, due, { ...options, window }),
    );
  } catch (error) {
    throw toOptimizerError(error, "The cleanup failed");
  }
}

/**
 * The job that a cleanup by these rules is a run of, for who schedules or queues it.
 *
 * @throws {OptimizerError} `INVALID_RULE`
 */
export function cleanupJobOf(rules: readonly CleanupRule[]): JobIdentity {
  return { job: cleanupJob, key: hashOf(...parseRules(rules)), isResumable: true };
}

/**
 * Whether the rules can be carried out as they stand: their shape, an index for each, and a place for what they archive.
 * Reads only.
 *
 * @throws {OptimizerError} `INVALID_RULE`; `RULE_NEEDS_INDEX` with every rule that lacks one in `details.rules`;
 * `ARCHIVE_FAILED`; `NOT_AUTHORIZED`, `UNREACHABLE` as the server says
 */
export async function checkCleanupRules(
  connection: Connection,
  rules: readonly CleanupRule[],
  options: Pick<CleanupOptions, "allowCollectionScan"> = {},
): Promise<void> {
  await readyRules(connection, parseRules(rules), options).catch((error: unknown) => {
    throw toOptimizerError(error, "Cannot check the cleanup rules");
  });
}

/** The index of each rule, once it is known that every rule can be carried out. */
async function readyRules(
  connection: Connection,
  parsed: readonly ParsedCleanupRule[],
  options: Pick<CleanupOptions, "allowCollectionScan">,
): Promise<Map<string, string | null>> {
  await assertActions(connection, parsed);
  return ruleIndexes(connection, parsed, options);
}

function parseWindow(window: unknown): ParsedCleanupWindow | undefined {
  if (window === undefined) return undefined;
  return checked(cleanupWindowSchema, window, "The window is wrong", "window");
}
