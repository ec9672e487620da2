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
  RUN_NOT_FOUND: "caller",
  RUN_ACTIVE: "state",
  RUN_CANCELLING: "state",
  RUN_ENDED: "state",
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
