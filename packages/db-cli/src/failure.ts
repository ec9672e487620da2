import { OptimizerError } from "@org/db-optimizer";

import { CliError, type ExitCode, exitCodes } from "./errors.js";
import { isBlocking, modelsOf } from "./next-command.js";
import { redact, redactAll } from "./output/redact.js";

/** An error as the command reports it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly exitCode: ExitCode;
  /** A remedy to try. */
  readonly hint?: string;
}

const hints: Readonly<Record<string, string>> = {
  UNREACHABLE: "Is the server running, and is the connection string right? --timeout gives it longer.",
  AUTHENTICATION_FAILED: "Check the user, the password and authSource in the connection string.",
  NOT_AUTHORIZED:
    "Give the user the roles dbAdmin and readWrite on this database (and clusterMonitor for all of health).",
  LOCKED: "Wait for it, or let the command wait with --wait.",
  CLOCK_AHEAD: "Set this machine's clock. By it, what is to be kept would be old.",
  NOTHING_TO_ROLL_BACK: "See the journal with rollback --list.",
  NO_RUN: "See the last runs with cleanup --status or migrate status.",
  ARCHIVE_FAILED:
    "Nothing was deleted that is not in the archive. Fix the file, then run the command again: it continues where it stopped.",
  DISK_FULL: "Free space on the server, then run the command again: it continues where it stopped.",
  MIGRATION_MISMATCH:
    "List the documents with `org-db migrate verify`, fix the source, then run the command again.",
  RECORD_FAILED:
    "Its changes remain. Fix `record` in the configuration. List what apply and rollback did with org-db rollback --list.",
  DUPLICATES: "Remove or merge the documents named above, then run the command again.",
};

/**
 * The message, hint and exit code for an error.
 *
 * @param reading whether the command only reads: a missing privilege then means "could not find out"
 */
export function failureOf(error: unknown, reading: boolean): Failure {
  if (error instanceof OptimizerError) {
    const hint = withoutModels(error) ?? hints[error.code];
    return {
      code: error.code,
      message: redact(error.message),
      details: redactAll(error.details) as Failure["details"],
      exitCode: exitCodeOf(error.code, reading),
      ...(hint && { hint }),
    };
  }
  if (error instanceof CliError) {
    return { code: error.code, message: redact(error.message), details: {}, exitCode: exitCodes.error };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "UNEXPECTED", message: redact(message), details: {}, exitCode: exitCodes.error };
}

/** The way on without the models whose declarations keep everything from being written. */
function withoutModels({ details }: OptimizerError): string | undefined {
  const faults = (details.faults as readonly OptimizerError["details"][] | undefined) ?? [details];
  const models = modelsOf(faults.map((one) => ({ details: one })).filter(isBlocking));
  return models.length > 0
    ? `Nothing was changed. Change the declaration, or leave its model out with --ignore ${models.join(" ")}.`
    : undefined;
}

function exitCodeOf(code: string, reading: boolean): ExitCode {
  if (code === "LOCKED") return exitCodes.locked;
  if (code === "ABORTED") return exitCodes.interrupted;
  return code === "NOT_AUTHORIZED" && reading ? exitCodes.undecidable : exitCodes.error;
}
