import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test } from "vitest";
import { withDefaults } from "../../src/core/defaults.js";
import { type Migration, migrateUp, runCleanup, verifyMigration } from "../../src/index.js";
import { checkPacing } from "../../src/jobs/pacing/limits.js";
import { defaultPace } from "../../src/jobs/pacing/pace.js";

const database = useTemporaryDatabase({ label: "limits" });

describe("settings of the pace", () => {
  test.each<[string, object, object?]>([
    ["maxSlowdown", { maxSlowdown: 0.9 }],
    ["maxSlowdown", { maxSlowdown: "1.5" }],
    ["maxSlowdown", { maxSlowdown: Number.NaN }],
    ["maxSlowdown", { maxSlowdown: null }],
    ["maxShare", { maxShare: 0 }],
    ["maxShare", { maxShare: 1.01 }],
    ["maxRate", { maxRate: 0 }],
    ["maxRate", { maxRate: -1 }],
    ["maxBatch", { maxBatch: 0 }],
    ["throttle.pauseLagMs", {}, { pauseLagMs: "1000" }],
    ["throttle.minDiskFree", {}, { minDiskFree: 5 }],
    ["throttle.resumeChecks", {}, { resumeChecks: 1.5 }],
    ["throttle.unwatched.0", {}, { unwatched: ["disc"] }],
  ])("%s is refused by its name: %j %j", (path, limits, throttle) => {
    const check = () => checkPacing({ limits, ...(throttle && { throttle }) });
    expect(check).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
    expect(check).toThrow(path);
  });

  test.each([
    [{}],
    [{ maxSlowdown: Number.POSITIVE_INFINITY, maxRate: Number.POSITIVE_INFINITY, maxShare: 1 }],
    [{ maxSlowdown: 1, maxBatch: 1 }],
  ])("%j are taken", (limits) => {
    expect(() => checkPacing({ limits })).not.toThrow();
  });

  test("what is given as undefined is not given", () => {
    const none = { maxSlowdown: undefined, maxShare: undefined, maxRate: undefined, maxBatch: undefined };
    expect(withDefaults(defaultPace, none as never)).toEqual(defaultPace);
  });

  test("are checked before anything begins, a dry run included", async () => {
    const limits = { maxShare: 2 };
    const refused = { code: "INVALID_OPTIONS", message: expect.stringContaining("limits.maxShare") };
    const migration = {
      name: "m",
      source: "a",
      targets: ["b"],
      expand: () => [],
      belongTo: () => ({}),
      ownerOf: () => 0,
      canonical: () => ({}),
      collapse: () => [],
      contract: { unset: ["x"] },
    } as Migration;
    const now = () => new Date();
    const { connection } = database;
    for (const act of [
      () => runCleanup(connection, [], { now: new Date(), limits }),
      () => migrateUp(connection, migration, { now, limits }),
      () => verifyMigration(connection, migration, { now, limits }),
    ])
      await expect(act()).rejects.toMatchObject(refused);
    expect(await connection.db?.listCollections().toArray()).toEqual([]);
  });
});
