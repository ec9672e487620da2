import { controlRun, listRuns, queueRun, type RunRecord, showRun } from "@org/db-optimizer/jobs";
import type { Connection } from "mongoose";
import type { Job } from "./job.js";

/** Why a run can't be steered as asked. */
export type RunErrorCode = "JOB_UNKNOWN" | "JOB_NOT_PAUSABLE";

/** A run can't be steered as asked. Decide on `code`. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly code: RunErrorCode;

  constructor(code: RunErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Dependencies of run commands. */
export interface Controls {
  readonly connection: Connection;
  readonly jobs: readonly Omit<Job, "run" | "schedule">[];
  /** The caller. */
  readonly by: string;
}

/** The last runs, of one job or all, the newest first. */
export function runsOfJobs(
  { connection, jobs }: Controls,
  { job, isBrief = false }: { readonly job?: string; readonly isBrief?: boolean } = {},
): Promise<RunRecord[]> {
  const chosen = job === undefined ? jobs : [named(jobs, job)];
  return listRuns(connection, { jobs: chosen.map((one) => one.job), isBrief });
}

/** Has a job run by whichever instance is free. */
export async function queueJob({ connection, jobs, by }: Controls, name: string): Promise<RunRecord> {
  return queueRun(connection, named(jobs, name), by);
}

/**
 * Pauses, resumes or cancels a run.
 *
 * @throws RunError `JOB_NOT_PAUSABLE`
 * @throws OptimizerError `RUN_NOT_FOUND`, `RUN_ENDED`, `RUN_CANCELLING`, `RUN_ACTIVE`
 */
export async function steerRun(
  { connection, jobs, by }: Controls,
  command: "pause" | "resume" | "cancel",
  id: string,
): Promise<RunRecord> {
  const { job } = await showRun(connection, id);
  if (command === "pause" && !named(jobs, job).isResumable)
    throw new RunError(
      "JOB_NOT_PAUSABLE",
      `${job} is over in a moment and can't be paused; it can be cancelled`,
    );
  return controlRun(connection, { id }, command, by);
}

function named<J extends Pick<Job, "name" | "job">>(jobs: readonly J[], name: string): J {
  const job = jobs.find((one) => one.name === name || one.job === name);
  if (job) return job;
  throw new RunError("JOB_UNKNOWN", `no job ${name}; jobs: ${jobs.map((one) => one.name).join(", ")}`);
}
