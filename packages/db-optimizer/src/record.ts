// Records operations and findings in an audit log of your own.
import { isOptimizerError, OptimizerError, toOptimizerError } from "./core/errors.js";
import type { Finding } from "./core/finding.js";

/** Something that was done to a database, or that could not be done. */
export interface DatabaseOperation {
  readonly kind: "operation";
  readonly operation: "setup" | "apply" | "rollback" | "cleanup" | "migrate";
  readonly outcome: "success" | "failure";
  readonly at: Date;
  /** Counts and names by what they are of; nothing that is in a document. */
  readonly details: Readonly<Record<string, string>>;
}

/** Something that is wrong with how a database is guarded. */
export interface SecurityFinding extends Pick<Finding, "code" | "severity" | "message" | "evidence"> {
  readonly kind: "security_finding";
  readonly at: Date;
}

/** An event for an audit log. */
export type DatabaseEvent = DatabaseOperation | SecurityFinding;

/** Writes an event to an audit log of your own. */
export type RecordEvent = (event: DatabaseEvent) => unknown;

/** Where events go, and by which clock. */
export interface Recording {
  /** Default: nowhere. */
  readonly record?: RecordEvent;
  /** Tells the moment of events and of checks. Default: this machine's. */
  readonly clock?: () => Date;
}

/** The moment by the clock that events go by. */
export function momentOf({ clock = () => new Date() }: Pick<Recording, "clock">): Date {
  return clock();
}

/**
 * Does something and has it recorded: that it was done, or the code that it failed with. Being refused a lease is no
 * event, for nothing was done.
 *
 * @param details what to say of it; nothing for what has changed nothing, which is no event
 * @throws {OptimizerError} `RECORD_FAILED`: it was done, and could not be recorded
 */
export async function recordOperation<T>(
  recording: Recording,
  operation: DatabaseOperation["operation"],
  run: () => Promise<T>,
  details: (result: T) => DatabaseOperation["details"] | undefined,
): Promise<T> {
  const { record } = recording;
  if (!record) return run();
  const at = () => momentOf(recording);
  const event = { kind: "operation", operation } as const;
  const result = await run().catch(async (error: unknown) => {
    if (!isOptimizerError(error, "LOCKED")) {
      const { code } = toOptimizerError(error);
      // Throw the operation's error even if this record cannot be written: often both fail for the same reason.
      await attempt(record, { ...event, outcome: "failure", at: at(), details: { code } }).catch(
        () => undefined,
      );
    }
    throw error;
  });
  const told = details(result);
  if (told) await attempt(record, { ...event, outcome: "success", at: at(), details: told });
  return result;
}

/** Has each finding about security recorded that is more than a remark. */
export async function recordFindings(
  { record }: Recording,
  findings: readonly Finding[],
  at: Date,
): Promise<void> {
  if (!record) return;
  for (const { code, part, severity, message, evidence } of findings)
    if (part === "security" && severity !== "info")
      await attempt(record, { kind: "security_finding", code, severity, message, evidence, at });
}

async function attempt(record: RecordEvent, event: DatabaseEvent): Promise<void> {
  try {
    await record(event);
  } catch (error) {
    const what = event.kind === "operation" ? `${event.operation} is done` : `${event.code} was found`;
    const { message } = toOptimizerError(error);
    throw new OptimizerError("RECORD_FAILED", `${what}, and could not be recorded: ${message}`, {
      cause: error,
    });
  }
}
