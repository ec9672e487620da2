import type { Logger } from "pino";
import type { JobReport } from "./job.js";
import { type RunDocument, type RunHistory, type RunWanted, updateRun } from "./runs.js";

/** Looks after the record of a run while its job works. */
export interface RunWatch {
  wanted(): RunWanted | undefined;
  report(report: JobReport): void;
  /** Writes down what was reported last. */
  stop(): Promise<void>;
}

/** Writes down what a job reports, and learns what is asked of the run, every so often. */
export function watchRun(
  history: RunHistory,
  run: RunDocument,
  everyMs: number,
  { log, onCancel }: { log: Logger; onCancel: () => void },
): RunWatch {
  let wanted = run.wanted;
  let last: JobReport = { paused: null };
  const look = async () => {
    try {
      const { progress, paused } = last;
      wanted = await updateRun(history, run, { ...(progress && { progress }), ...(paused ?? {}) });
      if (wanted === "cancel") onCancel();
    } catch (err) {
      // The record lags behind; the run itself, and its lease, are looked after elsewhere.
      log.warn({ err }, "the run's progress could not be written down");
    }
  };
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, everyMs);
  return {
    wanted: () => wanted,
    report: (report) => {
      last = { ...last, ...report };
    },
    stop: async () => {
      clearInterval(timer);
      await looking.then(look);
    },
  };
}
