/**
 * Every code that a {@link RiskError} can carry, with whose fault it is. Codes are part of the public surface: they are
 * added, never renamed.
 */
export const errorKinds = {
  INVALID_POLICY: "caller",
  INVALID_POPULATION: "caller",
  INVALID_TARGETS: "caller",
  POPULATIONS_DIFFER: "caller",
  TOO_FEW_ASSESSMENTS: "state",
} as const;

/** Stable name of what went wrong. */
export type RiskErrorCode = keyof typeof errorKinds;

/** `caller`: the input is wrong. `state`: the data does not suffice. */
export type RiskErrorKind = (typeof errorKinds)[RiskErrorCode];

/** The one error class of this package. Decide on `code`, never on the message. */
export class RiskError extends Error {
  override readonly name = "RiskError";
  readonly code: RiskErrorCode;
  readonly kind: RiskErrorKind;

  constructor(code: RiskErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = errorKinds[code];
  }
}

/** True for a {@link RiskError}, and for one with this very code when a code is given. */
export function isRiskError(error: unknown, code?: RiskErrorCode): error is RiskError {
  return error instanceof RiskError && (code === undefined || error.code === code);
}
