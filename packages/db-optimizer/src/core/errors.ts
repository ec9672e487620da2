// The one error of this package: a stable code, whose fault it is, and the cause.
import { errorKinds, type OptimizerErrorCode, type OptimizerErrorKind } from "./error-codes.js";
import { serverCodeOf } from "./server/server-codes.js";

/** Optional parts of an {@link OptimizerError}. */
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

/** Whether a socket broke: where a command waits for it to drain, the driver passes on the socket's own error as it is. */
export function isBrokenSocket(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "EPIPE" || code === "ECONNRESET";
}

/** Whether a name of a server is not found: that of a `mongodb+srv` connection string is looked up before any server is. */
function isUnknownName(error: unknown): boolean {
  const { syscall } = (error ?? {}) as { syscall?: unknown };
  return syscall === "querySrv" || syscall === "queryTxt" || syscall === "getaddrinfo";
}

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

/** The cause of a bulk write's failure as a whole, such as a broken connection, which the driver wraps. */
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
  if (isBrokenSocket(error) || isUnknownName(error)) return "UNREACHABLE";
  if (typeof name === "string" && namesOfUnreachable.test(name)) return "UNREACHABLE";
  return "SERVER_REFUSED";
}

function isAuthenticationFailure(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === 18 || (typeof message === "string" && /authentication failed|bad auth/i.test(message));
}
