import { serverCodeOf } from "./server-codes.js";

/**
 * Every code that an {@link OptimizerError} can carry, with whose fault it is. Codes are part of the public surface:
 * they are added, never renamed.
 */
export const errorKinds = {
  INVALID_OPTIONS: "caller",
  INVALID_MODEL: "caller",
  INVALID_RULE: "caller",
  INVALID_QUERY: "caller",
  INVALID_MIGRATION: "caller",
  MODELS_CONFLICT: "caller",
  RULE_NEEDS_INDEX: "caller",
  CLOCK_AHEAD: "caller",
  ARCHIVE_FAILED: "caller",
  ABORTED: "caller",
  UNREACHABLE: "server",
  AUTHENTICATION_FAILED: "server",
  NOT_AUTHORIZED: "server",
  UNSUPPORTED: "server",
  TIMED_OUT: "server",
  DISK_FULL: "server",
  SERVER_REFUSED: "server",
  DUPLICATES: "state",
  INDEX_CONFLICT: "state",
  COLLECTION_CONFLICT: "state",
  LOCKED: "state",
  LEASE_LOST: "state",
  NO_RUN: "state",
  NOTHING_TO_ROLL_BACK: "state",
  RECORD_FAILED: "state",
  QUERY_PLAN_UNFIT: "state",
  MIGRATION_NOT_ALLOWED: "state",
  MIGRATION_MISMATCH: "state",
  MIGRATION_PHASE_UNSTABLE: "state",
} as const;

/** Stable name of what went wrong. */
export type OptimizerErrorCode = keyof typeof errorKinds;

/** `caller`: the input is wrong. `server`: MongoDB refused or is away. `state`: the data stands in the way. */
export type OptimizerErrorKind = (typeof errorKinds)[OptimizerErrorCode];

/** What an {@link OptimizerError} may bring along. */
export interface OptimizerErrorOptions {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class of this package. Decide on `code`, never on the message.
 *
 * @example
 * try { await optimizer.apply() }
 * catch (error) { if (isOptimizerError(error, "UNREACHABLE")) retryLater(); else throw error; }
 */
export class OptimizerError extends Error {
  override readonly name = "OptimizerError";
  readonly code: OptimizerErrorCode;
  readonly kind: OptimizerErrorKind;
  /** Facts for a log or a report; for `DUPLICATES` the values and the ids that share them. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: OptimizerErrorCode, message: string, options: OptimizerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = errorKinds[code];
    this.details = options.details ?? {};
  }
}

/** True for an {@link OptimizerError}, and for one with this very code when a code is given. */
export function isOptimizerError(error: unknown, code?: OptimizerErrorCode): error is OptimizerError {
  return error instanceof OptimizerError && (code === undefined || error.code === code);
}

const namesOfUnreachable =
  /^(MongoServerSelectionError|MongooseServerSelectionError|MongoNetworkError|MongoNetworkTimeoutError|MongoTopologyClosedError|MongoNotConnectedError|MongoPoolClearedError|MongoPoolClosedError)$/;

/** Whether the server refuses a value that a unique index has already, or an index because values are not unique. */
export function isDuplicate(error: unknown): boolean {
  return serverCodeOf(error)?.code === "DUPLICATES";
}

/**
 * Gives any failure of the driver, of Mongoose or of the server one of our codes, the original kept as `cause`.
 * An {@link OptimizerError} passes unchanged.
 */
export function toOptimizerError(error: unknown, doing?: string): OptimizerError {
  if (error instanceof OptimizerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const hint = serverCodeOf(unwrapped(error))?.hint;
  const text = [...(doing ? [doing] : []), message, ...(hint ? [hint] : [])].join(": ");
  return new OptimizerError(classify(error), text, { cause: error });
}

/** What a bulk write failed of as a whole: a connection that broke, say, which the driver wraps. */
export function unwrapped(error: unknown): unknown {
  const { errorResponse } = (error ?? {}) as { errorResponse?: unknown };
  return errorResponse instanceof Error ? errorResponse : error;
}

function classify(given: unknown): OptimizerErrorCode {
  const error = unwrapped(given);
  const { name, code, cause, reason } = (error ?? {}) as Partial<Record<string, unknown>>;
  const known = serverCodeOf(error);
  if (known) return known.code ?? "SERVER_REFUSED";
  if (name === "AbortError") return "ABORTED";
  // The driver reports a failed handshake as "no server found", with the refusal further down.
  if (isAuthenticationFailure(error) || isAuthenticationFailure(cause) || isAuthenticationFailure(reason)) {
    return "AUTHENTICATION_FAILED";
  }
  if (code === 8000) return "UNSUPPORTED"; // Atlas's own "not on this tier", when it is not about credentials
  if (typeof name === "string" && namesOfUnreachable.test(name)) return "UNREACHABLE";
  return "SERVER_REFUSED";
}

function isAuthenticationFailure(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === 18 || (typeof message === "string" && /authentication failed|bad auth/i.test(message));
}
