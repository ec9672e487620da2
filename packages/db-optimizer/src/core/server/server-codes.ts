// The server's error codes, and what each means here.
import type { OptimizerErrorCode } from "../error-codes.js";

/** Meaning of a server's error code for this package. */
export interface ServerCode {
  /** As the server calls it. */
  readonly name: string;
  /** Default `SERVER_REFUSED`. */
  readonly code?: OptimizerErrorCode;
  /** Whether the same command may well succeed in a moment. Default false. */
  readonly transient?: true;
  /** Hint for the user if the server's own message has none. */
  readonly hint?: string;
}

/**
 * The server's error codes that mean something here; any other is a refusal. Transient are those of the category
 * RetriableError or SystemOverloadedError that reach clients, and a lock or a write that another one was in the way of.
 * https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
 */
export const serverCodes: Readonly<Record<number, ServerCode>> = {
  6: { name: "HostUnreachable", code: "UNREACHABLE", transient: true },
  7: { name: "HostNotFound", code: "UNREACHABLE", transient: true },
  13: { name: "Unauthorized", code: "NOT_AUTHORIZED" },
  18: { name: "AuthenticationFailed", code: "AUTHENTICATION_FAILED" },
  24: { name: "LockTimeout", code: "TIMED_OUT", transient: true },
  // A cursor that was idle for ten minutes, or whose member is gone: the caller reads again from its last position.
  43: { name: "CursorNotFound", transient: true },
  48: { name: "NamespaceExists", code: "COLLECTION_CONFLICT" },
  50: { name: "MaxTimeMSExpired", code: "TIMED_OUT" },
  59: { name: "CommandNotFound", code: "UNSUPPORTED" },
  64: {
    name: "WriteConcernTimeout",
    code: "TIMED_OUT",
    hint: "a majority of the members has not confirmed it in time: one that holds data is down or far behind (in a set with an arbiter, any of them is enough)",
  },
  67: { name: "CannotCreateIndex", code: "UNSUPPORTED" },
  68: { name: "IndexAlreadyExists", code: "INDEX_CONFLICT" },
  76: { name: "NoReplicationEnabled", code: "UNSUPPORTED" },
  85: { name: "IndexOptionsConflict", code: "INDEX_CONFLICT" },
  86: { name: "IndexKeySpecsConflict", code: "INDEX_CONFLICT" },
  89: { name: "NetworkTimeout", code: "UNREACHABLE", transient: true },
  91: { name: "ShutdownInProgress", code: "UNREACHABLE", transient: true },
  112: { name: "WriteConflict", transient: true },
  115: { name: "CommandNotSupported", code: "UNSUPPORTED" },
  123: { name: "NotAReplicaSet", code: "UNSUPPORTED" },
  133: { name: "FailedToSatisfyReadPreference", code: "UNREACHABLE", transient: true },
  134: { name: "ReadConcernMajorityNotAvailableYet", transient: true },
  166: { name: "CommandNotSupportedOnView", code: "UNSUPPORTED" },
  189: { name: "PrimarySteppedDown", code: "UNREACHABLE", transient: true },
  202: { name: "NetworkInterfaceExceededTimeLimit", code: "TIMED_OUT" },
  235: { name: "InternalErrorNotSupported", code: "UNSUPPORTED" },
  238: { name: "NotImplemented", code: "UNSUPPORTED" },
  262: { name: "ExceededTimeLimit", code: "TIMED_OUT", transient: true },
  276: {
    name: "IndexBuildAborted",
    hint: "the build was stopped, by dropIndexes for example: run it again",
  },
  278: {
    name: "UnsatisfiableCommitQuorum",
    hint: "an index build waits for all voting members that hold data: bring back the one that is down, and run it again",
  },
  290: { name: "TransactionExceededLifetimeLimitSeconds", code: "TIMED_OUT" },
  323: {
    name: "APIStrictError",
    code: "UNSUPPORTED",
    hint: "the connection is strict about the API version, which has no such command: connect without apiStrict for it",
  },
  334: { name: "MechanismUnavailable", code: "AUTHENTICATION_FAILED" },
  359: { name: "CannotConvertIndexToUnique", code: "DUPLICATES" },
  370: { name: "CannotDropShardKeyIndex", code: "INDEX_CONFLICT" },
  391: { name: "ReauthenticationRequired", code: "AUTHENTICATION_FAILED" },
  402: { name: "ResourceExhausted", transient: true },
  406: { name: "MigrationBlockingOperationCoordinatorCleaningUp", transient: true },
  407: { name: "PooledConnectionAcquisitionExceededTimeLimit", code: "TIMED_OUT", transient: true },
  412: { name: "UpdatesStillPending", transient: true },
  433: { name: "AdmissionQueueOverflow", transient: true },
  449: { name: "RateLimitExceeded", transient: true },
  450: { name: "PooledConnectionAcquisitionRejected", transient: true },
  453: { name: "InterruptedDueToReshardingCriticalSection", transient: true },
  462: { name: "IngressRequestRateLimitExceeded", transient: true },
  9001: { name: "SocketException", code: "UNREACHABLE", transient: true },
  10058: { name: "LegacyNotPrimary", code: "UNREACHABLE", transient: true },
  10107: { name: "NotWritablePrimary", code: "UNREACHABLE", transient: true },
  11000: { name: "DuplicateKey", code: "DUPLICATES" },
  11600: { name: "InterruptedAtShutdown", code: "UNREACHABLE", transient: true },
  11602: { name: "InterruptedDueToReplStateChange", code: "UNREACHABLE", transient: true },
  12586: {
    name: "BackgroundOperationInProgressForDatabase",
    code: "INDEX_CONFLICT",
    transient: true,
    hint: "an index is being built, or a collMod runs, in this database: run it again when that is over",
  },
  12587: {
    name: "BackgroundOperationInProgressForNamespace",
    code: "INDEX_CONFLICT",
    transient: true,
    hint: "an index is being built, or a collMod runs, on this collection: run it again when that is over",
  },
  13435: { name: "NotPrimaryNoSecondaryOk", code: "UNREACHABLE", transient: true },
  13436: { name: "NotPrimaryOrSecondary", code: "UNREACHABLE", transient: true },
  14031: { name: "OutOfDiskSpace", code: "DISK_FULL" },
  91331: { name: "RetriableRemoteCommandFailure", transient: true },
  10045600: { name: "InterruptedDueToFCVChange", transient: true },
};

/** Facts about an error by its code, whether the driver or the server threw it. Pure. */
export function serverCodeOf(error: unknown): ServerCode | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "number" ? serverCodes[code] : undefined;
}
