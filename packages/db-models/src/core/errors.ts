/**
 * Every code that an {@link IdentityError} can carry. Codes are part of the public surface: they are added,
 * never renamed. `kind` says whose fault it is.
 */
export const errorKinds = {
  INVALID_INPUT: "caller",
  PASSWORD_TOO_COMMON: "caller",
  EMAIL_TAKEN: "caller",
  USERNAME_TAKEN: "caller",
  USER_NOT_FOUND: "state",
  USER_NOT_ACTIVE: "state",
  SESSION_NOT_FOUND: "state",
  SESSION_LIMIT_REACHED: "state",
  SESSIONS_REVOKED: "state",
  ADDRESS_NOT_ALLOWED: "state",
  WOULD_LOCK_OUT: "caller",
  LAST_ADMINISTRATOR: "state",
  CONTENTION: "server",
  SCHEMA_TOO_NEW: "state",
  DOCUMENT_DAMAGED: "state",
  DATABASE_UNREACHABLE: "server",
  DATABASE_REFUSED: "server",
  AUDIT_BROKEN: "state",
  AUDIT_NOT_WRITTEN: "server",
  INVALID_SCOPE: "caller",
  APP_NOT_FOUND: "state",
  APP_HAS_NO_SECRET: "state",
  CHALLENGE_LIMIT: "state",
  API_KEY_NOT_FOUND: "state",
  SEAL_KEY_MISSING: "caller",
  PASSKEYS_NOT_CONFIGURED: "caller",
  SEAL_BROKEN: "state",
  WRITE_CONCERN_TOO_WEAK: "caller",
} as const;

export type IdentityErrorCode = keyof typeof errorKinds;

/** `caller`: the input is wrong. `state`: the database is in a state that forbids it. `server`: MongoDB refused or is away. */
export type IdentityErrorKind = (typeof errorKinds)[IdentityErrorCode];

/**
 * The one error class of this package. Decide on `code`, never on the message.
 *
 * @example
 * try { await identity.users.register(input) }
 * catch (error) { if (isIdentityError(error, "EMAIL_TAKEN")) return reply.code(409).send() ; throw error }
 */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code: IdentityErrorCode;
  readonly kind: IdentityErrorKind;
  /** Facts for the caller's log or answer; never a secret. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: IdentityErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = errorKinds[code];
    this.details = options.details ?? {};
  }
}

/** Where something was kept in memory that could not be written. */
export interface LostWrite {
  recorder: "usage" | "risk" | "apiKeys" | "requestLimits";
  /** How many requests of `usage`, users of `risk`. */
  lost?: number;
}

/** A check that could not be made, and refused nobody. */
export interface SkippedCheck {
  check: "breachedPasswords";
}

/** Checks are answered by reads, as the stream that vouches for memory was lost; it is opened again. */
export interface LostStream {
  stream: "sessionCache";
}

/** A stored document that was left out, of which collection: `DOCUMENT_DAMAGED` also names what is wrong in it. */
export interface LeftOut {
  leftOut: string;
  id: string;
}

/** Takes what failed and stopped nothing. */
export type Report = (error: unknown, what: LostWrite | SkippedCheck | LostStream | LeftOut) => void;

/** True for an {@link IdentityError}, and for one with this very code when a code is given. */
export function isIdentityError(error: unknown, code?: IdentityErrorCode): error is IdentityError {
  return error instanceof IdentityError && (code === undefined || error.code === code);
}

/** MongoDB's answer to a write that a unique index forbids. */
export function isDuplicateKey(
  error: unknown,
): error is { code: 11000; keyPattern?: Record<string, unknown> } {
  return typeof error === "object" && error !== null && (error as { code?: unknown }).code === 11000;
}
