// The states of a run and the transitions between them: pure, so that every sequence of commands and crashes can be tried.
import { OptimizerError } from "../core/errors.js";

/**
 * How a run stands. `queued`: it waits for a process. `paused`: it waits, and `reason` says for what. `interrupted`: it was
 * told to stop, or its process died (`reason`); the next run of the job goes on with it, if the job can. `cancelling`: it
 * ends after the batch under way. `succeeded` and `cancelled` are final; a run that `failed` can be resumed.
 */
export type JobState =
  | "queued"
  | "running"
  | "paused"
  | "interrupted"
  | "cancelling"
  | "cancelled"
  | "succeeded"
  | "failed";

/** A process that held a run before another took it up, and how the run stood when it left it. */
export interface FormerHolder {
  readonly instance: string;
  readonly fencing: number;
  readonly state: JobState;
  readonly reason?: string;
}

/** State of a run in the state machine. */
export interface RunStatus {
  readonly state: JobState;
  /** Of a run that is paused or interrupted: why, in a word and in a sentence. */
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
  /** The remedy that ends the wait, if it does not end by itself. */
  readonly remedy?: string | undefined;
  /** A person asked for a pause, which holds until `resume`, whichever process holds the run. */
  readonly wanted?: "pause" | undefined;
  /** The caller who asked for the pause or the cancellation. */
  readonly wantedBy?: string | undefined;
  /** The present or last holder; before the first one, the caller who queued it. */
  readonly instance: string;
  /** Fencing number of the lease that it is held under; 0 before anybody held it. */
  readonly fencing: number;
  /** The last holders before this one, at most 10. */
  readonly before: readonly FormerHolder[];
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** Why a run is paused. */
type WaitReason = Required<Pick<RunStatus, "reason" | "detail">> & Pick<RunStatus, "remedy">;

/** A command to a run. */
export type RunCommand = "pause" | "resume" | "cancel";

/** An event of a run. */
export type RunEvent =
  /** `below`: no holder with a number below this one is alive. */
  | { readonly on: RunCommand; readonly by: string; readonly below: number }
  | { readonly on: "take"; readonly instance: string; readonly fencing: number }
  /** The run's process is gone. */
  | { readonly on: "lose"; readonly below: number }
  | { readonly on: "work"; readonly fencing: number }
  | { readonly on: "wait"; readonly fencing: number; readonly for: WaitReason }
  | { readonly on: "end"; readonly fencing: number; readonly with: RunEnding };

/** How the holder ends a run. */
export type RunEnding =
  | { readonly state: "succeeded" | "stopped" }
  | { readonly state: "failed"; readonly error: { readonly code: string; readonly message: string } };

const keptHolders = 10;
const resumable: readonly JobState[] = ["interrupted", "failed"];

/** States of a run that a process holds. */
export const heldStates: readonly JobState[] = ["running", "paused", "cancelling"];
/** States that a next run of the job goes on from. */
export const unfinishedStates: readonly JobState[] = [...resumable, "queued"];
/** States of a run that no process holds, and that waits for none. */
export const endedStates: readonly JobState[] = [...resumable, "cancelled", "succeeded"];

/**
 * The status after an event. Pure.
 *
 * @throws {OptimizerError} `LEASE_LOST` for a holder that was replaced; `RUN_ENDED` and `RUN_CANCELLING` for a command that
 * comes too late
 */
export function nextStatus(run: RunStatus, event: RunEvent): RunStatus {
  switch (event.on) {
    case "pause":
      return { ...commanded(run), wanted: "pause", wantedBy: event.by };
    case "resume":
      return resumed(commanded(run));
    case "cancel":
      return cancelled(run, event.by, run.fencing >= event.below);
    case "take":
      return taken(run, event.instance, event.fencing);
    case "lose":
      return heldStates.includes(run.state) && run.fencing < event.below ? lost(run) : run;
    case "work":
      return { ...own(run, event.fencing), ...(run.state !== "cancelling" && working) };
    case "wait":
      return {
        ...own(run, event.fencing),
        ...(run.state !== "cancelling" && { state: "paused", remedy: undefined, ...event.for }),
      };
    case "end":
      return ended(run, event.fencing, event.with);
  }
}

/** Nothing is waited for. */
const free = { reason: undefined, detail: undefined, remedy: undefined } as const;
const working = { state: "running", ...free } as const;

/** The state after a command. A cancellation cannot be revoked by a later command. */
function commanded(run: RunStatus): RunStatus {
  if (run.state === "cancelling") throw new OptimizerError("RUN_CANCELLING", "The run is being cancelled");
  if (run.state === "succeeded" || run.state === "cancelled")
    throw new OptimizerError(
      "RUN_ENDED",
      `The run has ended: it ${run.state === "succeeded" ? "succeeded" : "was cancelled"}`,
    );
  return run;
}

function resumed(run: RunStatus): RunStatus {
  const unpaused = { ...run, wanted: undefined, wantedBy: undefined };
  return resumable.includes(run.state) ? { ...unpaused, ...free, state: "queued" } : unpaused;
}

function cancelled(run: RunStatus, by: string, isAlive: boolean): RunStatus {
  if (run.state !== "cancelling") commanded(run);
  const state = isAlive && heldStates.includes(run.state) ? "cancelling" : "cancelled";
  return { ...run, state, wanted: undefined, wantedBy: by, ...free };
}

function taken(run: RunStatus, instance: string, fencing: number): RunStatus {
  if (!unfinishedStates.includes(run.state) || run.fencing >= fencing)
    throw new OptimizerError("LEASE_LOST", "Another process has taken the run up");
  const { state, reason } = run;
  const holder = {
    instance: run.instance,
    fencing: run.fencing,
    state,
    ...(reason !== undefined && { reason }),
  };
  const before = run.fencing > 0 ? [...run.before, holder].slice(-keptHolders) : run.before;
  return { ...run, ...working, error: undefined, instance, fencing, before };
}

function lost(run: RunStatus): RunStatus {
  const gone = { ...run, ...free };
  return run.state === "cancelling"
    ? { ...gone, state: "cancelled" }
    : { ...gone, state: "interrupted", reason: "process_lost" };
}

/** A run in the hands of its holder. */
function own(run: RunStatus, fencing: number): RunStatus {
  if (run.fencing === fencing && heldStates.includes(run.state)) return run;
  throw new OptimizerError("LEASE_LOST", "Another process has taken the run up, or noted it as interrupted");
}

function ended(run: RunStatus, fencing: number, ending: RunEnding): RunStatus {
  // Ended by this holder already, whose answer was lost.
  if (run.fencing === fencing && !heldStates.includes(run.state)) return run;
  const { wanted, wantedBy, ...held } = own(run, fencing);
  const isCancelled = run.state === "cancelling";
  const asked = { wanted, wantedBy };
  const error = ending.state === "failed" ? ending.error : undefined;
  const over = { ...held, ...free, error };
  if (ending.state === "succeeded")
    return { ...over, state: "succeeded", wanted: undefined, wantedBy: isCancelled ? wantedBy : undefined };
  if (isCancelled) return { ...over, ...asked, state: "cancelled" };
  if (ending.state === "failed") return { ...over, ...asked, state: "failed" };
  return { ...over, ...asked, state: "interrupted", reason: "stopped" };
}
