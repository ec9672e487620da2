import { allNeed, needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import type { NamedQuery } from "../../src/core/named-query.js";
import { journalRuns, journalSteps } from "../../src/indexes/apply/journal.js";
import { openObservations } from "../../src/indexes/observe/observe.js";
import { DatabaseOptimizer } from "../../src/optimizer.js";
import { modelOf } from "../support.js";

const database = useTemporaryDatabase({ label: "journal", per: "test" });
const now = new Date("2096-03-01T00:00:00Z");
const days = (count: number) => new Date(now.getTime() + count * 86_400_000);

const things = () => database.connection.collection("things");
const optimizerOf = (indexes: [Document, Document?][], queries: NamedQuery[] = []) =>
  new DatabaseOptimizer(database.connection, { models: [modelOf({}, { indexes })], queries });

async function indexes(): Promise<Record<string, Document>> {
  const listed = await things().listIndexes().toArray();
  return Object.fromEntries(listed.map((index) => [index.name, index]));
}

describe("the journal", () => {
  test("says who did what when, and each index before and after", async () => {
    await things().createIndex({ d: 1 }, { expireAfterSeconds: 3_600 });
    const optimizer = optimizerOf([[{ a: 1 }], [{ d: 1 }, { expireAfterSeconds: 60 }]]);
    const { plan } = await optimizer.plan();
    let ticks = 0;
    const clock = () => ticks++ * 60_000;
    const { runId = "" } = await optimizer.apply({ by: "ann@build", now, clock });
    const [run, ...others] = await journalRuns(database.connection);
    expect(others).toEqual([]);
    expect(run).toMatchObject({
      _id: runId,
      kind: "apply",
      by: "ann@build",
      state: "done",
      planHash: plan.hash,
    });
    expect(run).toMatchObject({ startedAt: now, fencing: 1 });
    const steps = await journalSteps(database.connection, runId);
    expect(steps).toMatchObject([
      { kind: "create", index: "a_1", state: "done", before: null },
      { kind: "setTtl", index: "d_1", state: "done" },
    ]);
    const [first, second] = steps;
    const times = [
      run?.startedAt,
      first?.startedAt,
      first?.endedAt,
      second?.startedAt,
      second?.endedAt,
      run?.endedAt,
    ];
    const numbers = times.map(Number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(steps[1]?.before).toContain("3600");
    expect(steps[1]?.after).toContain("60");
  });

  test("keeps a failed step with its code", async () => {
    await things().insertMany([{ e: 1 }, { e: 1 }]);
    const { runId = "" } = await optimizerOf([[{ e: 1 }, { unique: true }]]).apply({ now });
    expect((await journalRuns(database.connection))[0]).toMatchObject({ state: "failed" });
    expect(await journalSteps(database.connection, runId)).toMatchObject([
      { state: "failed", after: null, error: { code: "DUPLICATES" } },
    ]);
  });

  test("is not written to when nothing is done", async () => {
    await things().createIndex({ a: 1 }, { name: "i" });
    await optimizerOf([[{ a: 1 }, { name: "i", sparse: true }]]).apply({ now });
    expect(await journalRuns(database.connection)).toEqual([]);
  });

  test("names of fields with dots and dollars are no matter", async () => {
    const partialFilterExpression = { "a.b": { $gt: 3 } };
    const optimizer = optimizerOf([
      [{ "a.b": 1 }, { partialFilterExpression }],
      [{ "$**": 1 }, { wildcardProjection: { "c.d": 1 } }],
    ]);
    await optimizer.apply({ now });
    await optimizer.rollback({ now: days(1) });
    expect(Object.keys(await indexes())).toEqual(["_id_"]);
  });
});

describe("rollback", () => {
  test("puts everything back, newest first, in a run of its own; the next one has nothing left", async () => {
    await things().insertMany([{ e: 1 }, { e: 2 }]);
    await things().createIndex({ d: 1 }, { expireAfterSeconds: 3_600 });
    await things().createIndex({ e: 1 });
    await things().createIndex({ h: 1 }, { hidden: true });
    await things().createIndex({ r: 1 });
    await things().createIndex({ own: 1 });
    const before = await indexes();
    const optimizer = optimizerOf([
      [{ a: 1 }],
      [{ d: 1 }, { expireAfterSeconds: 60 }],
      [{ e: 1 }, { unique: true }],
      [{ h: 1 }],
      [{ r: 1 }, { sparse: true }],
    ]);
    expect(await optimizer.apply({ now, rebuild: true })).toMatchObject({ complete: true });
    const { plan } = await optimizer.planRollback();
    expect(plan.steps.map(({ kind }) => kind).sort()).toEqual([
      "hide",
      "rebuild",
      "rebuild",
      "setTtl",
      "undoCreate",
    ]);
    const result = await optimizer.rollback({ now: days(1) });
    expect(result).toMatchObject({ complete: true, refused: [] });
    const after = await indexes();
    expect(after).toEqual(before);
    expect(await journalRuns(database.connection)).toMatchObject([
      { kind: "rollback", reverses: result.run._id },
      { kind: "apply", reversedBy: result.runId },
    ]);
    await expect(optimizer.rollback({ now: days(2) })).rejects.toMatchObject({
      code: "NOTHING_TO_ROLL_BACK",
    });
  });

  test("passes over runs that changed nothing: those that failed, and those that only looked at what is hidden", async () => {
    await things().insertMany([{ e: 1 }, { e: 1 }]);
    await things().createIndex({ e: 1 });
    await things().createIndex({ own: 1 });
    const optimizer = optimizerOf([[{ e: 1 }, { unique: true }]]);
    const { runId } = await optimizer.apply({ now }, (await optimizer.plan({ drop: ["things.own_1"] })).plan);
    for (const day of [1, 2]) {
      const { steps } = await optimizer.apply({ now: days(day) });
      expect(steps.map(({ outcome }) => outcome)).toEqual(["failed", "observing"]);
    }
    const { run, plan } = await optimizer.planRollback();
    expect(run._id).toBe(runId);
    expect(plan.steps).toMatchObject([{ kind: "unhide", index: "own_1" }]);
    await optimizer.rollback({ now: days(3) });
    await expect(optimizer.planRollback()).rejects.toMatchObject({ code: "NOTHING_TO_ROLL_BACK" });
  });

  test("leaves alone what somebody changed since, says so, and can be asked again", async () => {
    const optimizer = optimizerOf([[{ a: 1 }], [{ b: 1 }]]);
    const { runId } = await optimizer.apply({ now });
    await things().dropIndex("a_1");
    await things().createIndex({ a: 1 }, { sparse: true });
    const result = await optimizer.rollback({ now: days(1) });
    expect(result).toMatchObject({ complete: false, refused: [{ index: "a_1", why: "changed_since" }] });
    expect(Object.keys(await indexes()).sort()).toEqual(["_id_", "a_1"]);
    expect((await optimizer.planRollback(runId)).run._id).toBe(runId);
  });

  test("of a rollback, or of a run that there is not, is refused", async () => {
    const optimizer = optimizerOf([[{ a: 1 }]]);
    await expect(optimizer.planRollback()).rejects.toMatchObject({ code: "NOTHING_TO_ROLL_BACK" });
    await optimizer.apply({ now });
    const { runId } = await optimizer.rollback({ now: days(1) });
    await expect(optimizer.planRollback(runId)).rejects.toThrow(/is a rollback/);
    await expect(optimizer.planRollback("run of nobody")).rejects.toMatchObject({
      code: "NOTHING_TO_ROLL_BACK",
    });
  });
});

describe("dropping", () => {
  const byOwner: NamedQuery = { name: "byOwner", collection: "things", filter: { owner: 5 } };

  async function prepare() {
    await things().insertMany(Array.from({ length: 300 }, (_, owner) => ({ owner, at: owner % 7 })));
    await things().createIndex({ owner: 1 });
    await things().createIndex({ at: 1 });
  }

  test("hides first, waits, and drops in a later run, when nobody missed it", async () => {
    await prepare();
    const optimizer = optimizerOf([], [byOwner]);
    const { plan } = await optimizer.plan({ drop: ["things.at_1"] });
    expect(plan.steps).toMatchObject([{ kind: "startDrop", reversible: true, destructive: false }]);
    const started = await optimizer.apply({ now }, plan);
    expect(started).toMatchObject({ changed: true, complete: true, steps: [{ outcome: "observing" }] });
    expect((await indexes()).at_1).toMatchObject({ hidden: true });
    // Of another process, days later.
    const later = optimizerOf([], [byOwner]);
    expect((await later.apply({ now: days(3), drop: true })).steps).toMatchObject([{ outcome: "observing" }]);
    expect((await later.apply({ now: days(8) })).steps).toMatchObject([{ outcome: "skipped" }]);
    expect((await indexes()).at_1).toMatchObject({ hidden: true });
    const dropped = await later.apply({ now: days(8), drop: true });
    expect(dropped.steps).toMatchObject([{ outcome: "done" }]);
    expect(Object.keys(await indexes()).sort()).toEqual(["_id_", "owner_1"]);
    expect((await later.plan()).plan.steps).toEqual([]);
    // A dropped index comes back hidden, as it was when it was dropped; the run before hid it.
    await later.rollback({ now: days(9) }, dropped.runId);
    expect((await indexes()).at_1).toMatchObject({ hidden: true, key: { at: 1 } });
    await later.rollback({ now: days(9) }, started.runId);
    expect((await indexes()).at_1?.hidden).toBeUndefined();
  });

  test("unhides by itself when a named query scans, and says who missed it", async () => {
    await prepare();
    const optimizer = optimizerOf([], [byOwner]);
    await optimizer.apply({ now }, (await optimizer.plan({ drop: ["things.owner_1"] })).plan);
    const result = await optimizer.apply({ now: days(1) });
    expect(result.steps).toMatchObject([
      { outcome: "unhidden", reasons: ["byOwner now scans the collection"] },
    ]);
    expect((await indexes()).owner_1?.hidden).toBeUndefined();
    expect(await openObservations(database.connection)).toEqual([]);
  });

  needs("profiler")("unhides when the profiler shows an operation that is slow since", async () => {
    await prepare();
    const { db } = database.connection;
    await db?.command({ profile: 2, slowms: 0 });
    const optimizer = optimizerOf([]);
    await optimizer.apply({ slowOperationMs: 0 }, (await optimizer.plan({ drop: ["things.owner_1"] })).plan);
    expect((await optimizer.apply({ slowOperationMs: 0 })).steps).toMatchObject([{ outcome: "observing" }]);
    await things().find({ owner: 5 }).toArray();
    const { steps } = await optimizer.apply({ slowOperationMs: 0 });
    await db?.command({ profile: 0 });
    expect(steps).toMatchObject([
      { outcome: "unhidden", reasons: [expect.stringMatching(/^slow since: find/)] },
    ]);
  });

  test("does not drop what it could not watch", async () => {
    await prepare();
    const optimizer = optimizerOf([]);
    const { plan } = await optimizer.plan({ drop: ["things.at_1"] });
    const blind = {
      outcome: "observing",
      reasons: [expect.stringMatching(/^nothing can watch it: .*setProfiling/)],
    };
    expect((await optimizer.apply({ now }, plan)).steps).toMatchObject([blind]);
    expect((await optimizer.apply({ now: days(30), drop: true })).steps).toMatchObject([blind]);
    expect((await indexes()).at_1).toMatchObject({ hidden: true });
  });

  // https://www.mongodb.com/docs/manual/core/index-hidden/: a hint on a hidden index is an error.
  test.each<[string, NamedQuery["hint"]]>([
    ["name", "at_1"],
    ["keys", { at: 1 }],
  ])("is not hidden from a named query that hints it by its %s", async (_what, hint) => {
    await prepare();
    const byAt: NamedQuery = { name: "byAt", collection: "things", filter: { at: 1 }, hint: hint as string };
    const optimizer = optimizerOf([], [byAt]);
    const { steps } = await optimizer.apply({ now }, (await optimizer.plan({ drop: ["things.at_1"] })).plan);
    expect(steps).toMatchObject([{ outcome: "failed", error: { code: "INDEX_CONFLICT" } }]);
    expect(steps[0]?.error?.message).toContain("byAt");
    expect((await indexes()).at_1?.hidden).toBeUndefined();
    expect(await openObservations(database.connection)).toEqual([]);
  });

  test("is unhidden when a query that hints it is named in the meantime", async () => {
    await prepare();
    const before = optimizerOf([], [byOwner]);
    await before.apply({ now }, (await before.plan({ drop: ["things.at_1"] })).plan);
    const byAt: NamedQuery = { name: "byAt", collection: "things", filter: { at: 1 }, hint: "at_1" };
    const { steps } = await optimizerOf([], [byOwner, byAt]).apply({ now: days(9), drop: true });
    expect(steps).toMatchObject([{ outcome: "unhidden", reasons: ["hinted by byAt"] }]);
    expect((await indexes()).at_1?.hidden).toBeUndefined();
  });

  describe("is not dropped while the profiler is blind", () => {
    allNeed("profiler");
    test.each<[string, Document, RegExp]>([
      ["slowms is above the threshold", { profile: 1, slowms: 500 }, /its slowms is 500/],
      ["a sample only is recorded", { profile: 1, slowms: 0, sampleRate: 0.5 }, /its sampleRate is 0.5/],
      ["a filter is set", { profile: 2, filter: { millis: { $gt: 1_000 } } }, /it has a filter/],
    ])("%s", async (_what, profile, reason) => {
      await prepare();
      const { db } = database.connection;
      const optimizer = optimizerOf([], [byOwner]);
      try {
        await db?.command(profile);
        const { plan } = await optimizer.plan({ drop: ["things.at_1"] });
        const blind = { outcome: "observing", reasons: [expect.stringMatching(reason)] };
        expect((await optimizer.apply({ now }, plan)).steps).toMatchObject([blind]);
        expect((await optimizer.apply({ now: days(30), drop: true })).steps).toMatchObject([blind]);
        expect((await indexes()).at_1).toMatchObject({ hidden: true });
        await db?.command({ profile: 1, slowms: 100, sampleRate: 1, filter: "unset" });
        // Now that it can be watched, the whole time starts again.
        expect((await optimizer.apply({ now: days(31), drop: true })).steps).toMatchObject([
          { outcome: "observing", reasons: [expect.stringMatching(/2096-04-08/)] },
        ]);
        expect((await optimizer.apply({ now: days(39), drop: true })).steps).toMatchObject([
          { outcome: "done" },
        ]);
      } finally {
        await db?.command({ profile: 0, slowms: 100, sampleRate: 1, filter: "unset" });
      }
    });
  });

  test("waits the whole time once it can be watched, not only what is left of it", async () => {
    await prepare();
    const blind = optimizerOf([]);
    await blind.apply({ now }, (await blind.plan({ drop: ["things.at_1"] })).plan);
    const seeing = optimizerOf([], [byOwner]);
    const begun = await seeing.apply({ now: days(30), drop: true });
    expect(begun.steps).toMatchObject([
      { outcome: "observing", reasons: [expect.stringMatching(/2096-04-07/)] },
    ]);
    expect((await seeing.apply({ now: days(36), drop: true })).steps).toMatchObject([
      {
        outcome: "observing",
        reasons: [expect.stringMatching(/^no affected queries so far; .*2096-04-07/)],
      },
    ]);
    expect((await seeing.apply({ now: days(38), drop: true })).steps).toMatchObject([{ outcome: "done" }]);
    expect(Object.keys(await indexes())).not.toContain("at_1");
  });

  test("ends when somebody else makes the index visible", async () => {
    await prepare();
    const optimizer = optimizerOf([], [byOwner]);
    await optimizer.apply({ now }, (await optimizer.plan({ drop: ["things.at_1"] })).plan);
    await database.connection.db?.command({ collMod: "things", index: { name: "at_1", hidden: false } });
    expect((await optimizer.apply({ now: days(9), drop: true })).steps).toMatchObject([
      { outcome: "unhidden", reasons: ["made visible by another client"] },
    ]);
    expect(Object.keys(await indexes())).toContain("at_1");
  });

  test("an index that the models come to declare is shown again", async () => {
    await prepare();
    const optimizer = optimizerOf([]);
    await optimizer.apply({ now }, (await optimizer.plan({ drop: ["things.at_1"] })).plan);
    const { steps } = await optimizerOf([[{ at: 1 }]]).apply({ now: days(9), drop: true });
    expect(steps).toMatchObject([{ step: { kind: "unhide" }, outcome: "done" }]);
    expect(await openObservations(database.connection)).toEqual([]);
  });

  test.each([
    ["things.a_1", /models declare it/],
    ["things.absent", /no undeclared index/],
    ["things._id_", /no undeclared index/],
  ])("%s is refused", async (place, why) => {
    await prepare();
    const optimizer = optimizerOf([[{ a: 1 }]]);
    await expect(optimizer.plan({ drop: [place] })).rejects.toThrow(why);
    await expect(optimizer.plan({ drop: [place] })).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });
});
