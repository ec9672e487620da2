import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { describe, expect, test } from "vitest";
import { OptimizerError, toOptimizerError } from "../src/core/errors.js";
import type { Document } from "../src/core/model.js";
import { whyUnread } from "../src/core/server/figure.js";
import { serverCodes } from "../src/core/server/server-codes.js";
import { isTransient } from "../src/core/server/transient.js";
import { readLoad } from "../src/jobs/pacing/load.js";
import { overriding, serverError } from "./support.js";

const database = useTemporaryDatabase({ label: "figure" });
const uncoded = (message: string) => new mongo.MongoServerError({ message, ok: 0 });

// A table of the answers that the documentation, the server's sources and public reports show.
describe("a figure that was not read", () => {
  test.each<[string, unknown, boolean, string]>([
    ["an unknown command", serverError(59, "no such command"), false, "absent"],
    ["a standalone server", serverError(76, "not running with --replSet"), false, "absent"],
    ["what is not supported here", serverError(115, "not supported"), false, "absent"],
    ["what is not implemented", serverError(238, "not implemented"), false, "absent"],
    ["a command outside of the API version", serverError(323, "apiStrict"), false, "absent"],
    [
      "Atlas's shared tiers",
      serverError(8000, "replSetGetStatus not allowed in this atlas tier"),
      false,
      "absent",
    ],
    ["the same in older words", serverError(8000, "CMD_NOT_ALLOWED: replSetGetStatus"), false, "absent"],
    [
      "a router, which sends no code",
      uncoded("replSetGetStatus is not supported through mongos"),
      true,
      "absent",
    ],
    ["a member that sends no code", uncoded("something went wrong"), false, "unreadable"],
    ["a missing privilege", serverError(13, "not authorized"), false, "forbidden"],
    ["a missing privilege through a router", serverError(13, "not authorized"), true, "forbidden"],
    ["a wrong password at Atlas", serverError(8000, "bad auth : authentication failed"), false, "unreadable"],
    [
      "a set that is not initiated",
      serverError(94, "no replset config has been received"),
      false,
      "unreadable",
    ],
    ["a time limit", serverError(50, "operation exceeded time limit"), true, "unreadable"],
    ["a step-down", serverError(189, "stepped down"), true, "unreadable"],
    ["a network error", new mongo.MongoNetworkError("closed"), true, "unreadable"],
  ])("%s", (_what, error, router, state) => {
    expect(whyUnread(error, { router }).state).toBe(state);
  });
});

describe("the load of a server", () => {
  const answering = (answers: Readonly<Record<string, () => unknown>>, hello: Document) => {
    const db = database.connection.db as mongo.Db;
    const command = async (asked: Document) => {
      const answer = answers[Object.keys(asked)[0] as string];
      return answer ? answer() : db.admin().command(asked);
    };
    const ask = async (asked: Document) => (asked.hello ? hello : db.command(asked));
    return overriding(db, { admin: () => overriding(db.admin(), { command }), command: ask });
  };
  const refusing = (error: unknown) => () => {
    throw error;
  };

  test("is known but for the lag through a router, so that a cleanup goes on", async () => {
    const error = uncoded("replSetGetStatus is not supported through mongos");
    const db = answering({ replSetGetStatus: refusing(error) }, { msg: "isdbgrid" });
    const load = await readLoad(db, "things", []);
    expect(load).toMatchObject({ lag: { state: "absent" }, oplog: { state: "absent" } });
    expect(Object.values(load).map(({ state }) => state)).not.toContain("unreadable");
  });

  test("is known but for the lag on Atlas's shared tiers", async () => {
    const error = serverError(8000, "replSetGetStatus not allowed in this atlas tier");
    const db = answering({ replSetGetStatus: refusing(error) }, { setName: "atlas" });
    expect(await readLoad(db, "things", [])).toMatchObject({ lag: { state: "absent" } });
  });

  test("is unreadable where a member refuses without a code", async () => {
    const db = answering({ replSetGetStatus: refusing(uncoded("odd")) }, { setName: "rs0" });
    expect(await readLoad(db, "things", [])).toMatchObject({ lag: { state: "unreadable", reason: "odd" } });
  });
});

describe("the table of the server's codes", () => {
  // Names by code as of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml.
  test("has the names that the server gives them", () => {
    const names = Object.entries(serverCodes).map(([code, { name }]) => `${code} ${name}`);
    expect(names).toEqual(
      `6 HostUnreachable, 7 HostNotFound, 13 Unauthorized, 18 AuthenticationFailed, 24 LockTimeout, 43 CursorNotFound, 48 NamespaceExists,
       50 MaxTimeMSExpired, 59 CommandNotFound, 64 WriteConcernTimeout, 67 CannotCreateIndex, 68 IndexAlreadyExists,
       76 NoReplicationEnabled, 85 IndexOptionsConflict, 86 IndexKeySpecsConflict, 89 NetworkTimeout,
       91 ShutdownInProgress, 112 WriteConflict, 115 CommandNotSupported, 123 NotAReplicaSet,
       133 FailedToSatisfyReadPreference, 134 ReadConcernMajorityNotAvailableYet, 166 CommandNotSupportedOnView,
       189 PrimarySteppedDown, 202 NetworkInterfaceExceededTimeLimit, 235 InternalErrorNotSupported, 238 NotImplemented,
       262 ExceededTimeLimit, 276 IndexBuildAborted, 278 UnsatisfiableCommitQuorum,
       290 TransactionExceededLifetimeLimitSeconds, 323 APIStrictError, 334 MechanismUnavailable,
       359 CannotConvertIndexToUnique, 370 CannotDropShardKeyIndex, 391 ReauthenticationRequired, 402 ResourceExhausted,
       406 MigrationBlockingOperationCoordinatorCleaningUp, 407 PooledConnectionAcquisitionExceededTimeLimit,
       412 UpdatesStillPending, 433 AdmissionQueueOverflow, 449 RateLimitExceeded,
       450 PooledConnectionAcquisitionRejected, 453 InterruptedDueToReshardingCriticalSection,
       462 IngressRequestRateLimitExceeded, 9001 SocketException, 10058 LegacyNotPrimary, 10107 NotWritablePrimary,
       11000 DuplicateKey, 11600 InterruptedAtShutdown, 11602 InterruptedDueToReplStateChange,
       12586 BackgroundOperationInProgressForDatabase, 12587 BackgroundOperationInProgressForNamespace,
       13435 NotPrimaryNoSecondaryOk, 13436 NotPrimaryOrSecondary, 14031 OutOfDiskSpace,
       91331 RetriableRemoteCommandFailure, 10045600 InterruptedDueToFCVChange`.split(/,\s+/),
    );
  });

  test.each([12_586, 12_587])(
    "waits for what is under way on a collection (%i), and says what it is",
    (code) => {
      const error = serverError(code, "cannot perform operation");
      expect(isTransient(error)).toBe(true);
      const known = toOptimizerError(error, "things.a_1");
      expect(known).toBeInstanceOf(OptimizerError);
      expect(known).toMatchObject({
        code: "INDEX_CONFLICT",
        message: expect.stringContaining("when that is over"),
      });
    },
  );

  test("says what to do when a voting member is down, and under a strict API version", () => {
    expect(toOptimizerError(serverError(278, "quorum")).message).toContain("voting members");
    expect(toOptimizerError(serverError(323, "refused"))).toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("apiStrict"),
    });
    expect(toOptimizerError(serverError(64, "waiting for replication timed out")).message).toContain(
      "arbiter",
    );
  });
});
