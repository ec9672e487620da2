import { Types } from "mongoose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  cancelBulkJob,
  listBulkJobItems,
  listBulkJobs,
  pauseBulkJob,
  readBulkJob,
  resumeBulkJob,
  startBulkJob,
} from "../src/bulk-jobs/control.js";
import { type BulkJobInput, prepareBulkJob } from "../src/bulk-jobs/prepare.js";
import {
  endBulkJob,
  type HeldBulkItem,
  type HeldBulkJob,
  keepBulkJob,
  nextBulkItems,
  releaseBulkJob,
  settleBulkItem,
  takeUpBulkJobs,
} from "../src/bulk-jobs/work.js";
import { duration } from "../src/core/limits.js";
import type { IdentityModels } from "../src/index.js";
import { contextAt } from "./context.js";
import { useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
beforeEach(async () => {
  await Promise.all([models.BulkJob.deleteMany({}), models.BulkJobItem.deleteMany({})]);
});

const at = (ms = 0) => contextAt(models, after(ms));
const createdBy = new Types.ObjectId();
const people = (count: number) => Array.from({ length: count }, () => new Types.ObjectId());

const prepare = (users: readonly Types.ObjectId[], changed: Partial<BulkJobInput> = {}) =>
  prepareBulkJob(at(), { act: "lock", reason: "Ticket 4711", createdBy, users, excluded: [], ...changed });

async function running(users: readonly Types.ObjectId[], changed: Partial<BulkJobInput> = {}) {
  const job = await prepare(users, changed);
  expect(await startBulkJob(at(), { id: job.id, createdBy })).toBe(true);
  return job;
}

async function takeUp(ms = 0): Promise<HeldBulkJob> {
  const [held] = await takeUpBulkJobs(at(ms), { limit: 5 });
  if (!held) throw new Error("there is no job to take up");
  return held;
}

/** Goes through so many users of a job, or all. */
async function work(job: HeldBulkJob, limit = 200, ms = 0): Promise<HeldBulkJob> {
  for (const item of await nextBulkItems(at(ms), { job, limit })) {
    await settleBulkItem(at(ms), { job, item, result: { state: "done" } });
  }
  return job;
}

async function nextOf(job: HeldBulkJob, ms = 0): Promise<HeldBulkItem> {
  const [item] = await nextBulkItems(at(ms), { job, limit: 1 });
  if (!item) throw new Error("there is no user left");
  return item;
}

describe("prepare", () => {
  it("stores each user once, with who is left out and why, and does nothing", async () => {
    const [one, two, three] = people(3) as [Types.ObjectId, Types.ObjectId, Types.ObjectId];
    const job = await prepare([one, two, one, three], {
      excluded: [{ userId: two, code: "own_account" }],
      filter: { by: "created", status: "active" },
      unknownAt: [4, 9],
    });
    expect(job).toMatchObject({
      state: "prepared",
      total: 3,
      counts: { excluded: 1, pending: 2, done: 0, skipped: 0, failed: 0 },
      filter: { by: "created", status: "active" },
      unknown: 2,
      unknownAt: [4, 9],
      startBy: after(duration.day),
    });
    expect(await readBulkJob(at(), { id: job.id })).toEqual(job);
    expect(await listBulkJobItems(at(), { id: job.id })).toEqual([
      { position: 0, userId: one, state: "pending" },
      { position: 1, userId: two, state: "excluded", code: "own_account", at: now },
      { position: 2, userId: three, state: "pending" },
    ]);
    expect(await takeUpBulkJobs(at(), { limit: 5 })).toEqual([]);
    const [stored, item] = [await models.BulkJob.findOne(), await models.BulkJobItem.findOne()];
    await Promise.all([stored?.validate(), item?.validate()]);
    expect(item?.purgeAt).toEqual(after(90 * duration.day));
  });

  it.each([
    ["more than 10,000 users", { users: people(10_001) }],
    ["an act that there is not", { act: "promote" as never }],
    ["a reason of two lines", { reason: "one\ntwo" }],
    ["a status that there is not", { filter: { by: "created", status: "gone" as never } as const }],
  ])("refuses %s", async (_what, changed) => {
    await expect(prepare([], changed)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(await models.BulkJob.countDocuments()).toBe(0);
  });
});

describe("a job", () => {
  it("is started once, by who prepared it, within a day", async () => {
    const { id } = await prepare(people(1));
    expect(await startBulkJob(at(), { id, createdBy: new Types.ObjectId() })).toBe(false);
    expect(await startBulkJob(at(duration.day), { id, createdBy })).toBe(false);
    const starts = Array.from({ length: 20 }, () => startBulkJob(at(), { id, createdBy }));
    expect((await Promise.all(starts)).filter(Boolean)).toHaveLength(1);
  });

  it("is taken up by one process of many, which goes through the users in their order", async () => {
    const users = people(5);
    const { id } = await running(users);
    const taken = await Promise.all(Array.from({ length: 20 }, () => takeUpBulkJobs(at(), { limit: 5 })));
    expect(taken.flat()).toHaveLength(1);
    const held = taken.flat()[0] as HeldBulkJob;
    const first = await nextOf(held);
    expect(first).toMatchObject({ userId: users[0], again: false });
    const failed = { state: "failed", code: "INTERNAL" } as const;
    await settleBulkItem(at(), { job: held, item: first, result: failed });
    expect(held.counts).toMatchObject({ failed: 1 });
    const worked = await work(held);
    expect(await endBulkJob(at(1), { job: worked })).toEqual({ excluded: 0, done: 4, skipped: 0, failed: 1 });
    expect(await endBulkJob(at(2), { job: worked })).toBeUndefined();
    const done = await readBulkJob(at(), { id });
    expect(done).toMatchObject({
      state: "done",
      endedAt: after(1),
      counts: { pending: 0, done: 4, failed: 1 },
    });
    const failures = await listBulkJobItems(at(), { id, state: "failed" });
    expect(failures).toEqual([{ position: 0, userId: users[0], state: "failed", code: "INTERNAL", at: now }]);
    expect(await listBulkJobItems(at(), { id, from: 3, limit: 1 })).toMatchObject([{ position: 3 }]);
    expect(await takeUpBulkJobs(at(duration.hour), { limit: 5 })).toEqual([]);
  });

  it("of a newer version of the package is left to it, and keeps no other from its turn", async () => {
    const newer = await running(people(1));
    await models.BulkJob.collection.updateOne({ _id: newer.id }, { $set: { schemaVersion: 99 } });
    const { id } = await running(people(1));
    expect(await takeUpBulkJobs(at(), { limit: 1 })).toMatchObject([{ id }]);
  });

  it("is gone on with though a process whose clock was a year ahead had it last", async () => {
    const { id } = await running(people(2));
    await takeUp(365 * duration.day);
    expect(await takeUpBulkJobs(at(29_999), { limit: 5 })).toMatchObject([{ id }]);
  });

  it("gives some users at a time in their order, each to one caller, and none when all have had theirs", async () => {
    const users = people(12);
    await running(users);
    const held = await takeUp();
    const some = await nextBulkItems(at(), { job: held, limit: 5 });
    expect(some.map(({ userId }) => userId)).toEqual(users.slice(0, 5));
    // A process that had it before, and does not know yet that it has not.
    const other = { ...held, lease: new Types.ObjectId() };
    const taken = await Promise.all([held, other].map((job) => nextBulkItems(at(), { job, limit: 4 })));
    const rest = await nextBulkItems(at(), { job: held, limit: 12 });
    const ids = [...some, ...taken.flat(), ...rest].map(({ id }) => id.toHexString());
    expect([ids.length, new Set(ids).size]).toEqual([12, 12]);
    expect(await nextBulkItems(at(), { job: held, limit: 5 })).toEqual([]);
  });

  it("says how fast it goes, and how long it will take", async () => {
    const { id } = await running(people(10));
    const held = await work(await takeUp(), 4, 2_000);
    expect(await keepBulkJob(at(2_000), held)).toBe(true);
    expect(await readBulkJob(at(), { id })).toMatchObject({ progress: { perSecond: 2, leftMs: 3_000 } });
  });

  it("whose process is gone is gone on with by another, from the very user at which it stopped", async () => {
    const users = people(4);
    await running(users);
    const gone = await work(await takeUp(), 1);
    const stuck = await nextOf(gone);
    expect(await takeUpBulkJobs(at(29_999), { limit: 5 })).toEqual([]);
    const next = await takeUp(30_000);
    expect(next.counts.done).toBe(1);
    expect(await keepBulkJob(at(30_000), gone)).toBe(false);
    expect(await nextOf(next, 30_000)).toMatchObject({ userId: users[1], again: true });
    // The one before is not gone, only late: what it says of the user counts for nothing.
    await settleBulkItem(at(), { job: gone, item: stuck, result: { state: "failed" } });
    expect(await models.BulkJobItem.countDocuments({ state: "failed" })).toBe(0);
    await releaseBulkJob(at(30_000), { job: next });
    const last = await work(await takeUp(30_000));
    expect(await endBulkJob(at(30_000), { job: last })).toMatchObject({ done: 4, failed: 0 });
  });

  it("does not end while a process that had it before is at a user", async () => {
    await running(people(2));
    const gone = await takeUp();
    const next = await work(await takeUp(30_000), 1);
    await nextOf(gone, 30_000);
    expect(await endBulkJob(at(30_000), { job: next })).toBeUndefined();
    const last = await work(await takeUp(60_000));
    expect(await endBulkJob(at(60_000), { job: last })).toMatchObject({ done: 2 });
  });

  it("is paused, resumed by its own administrator, and cancelled, each by one call", async () => {
    const { id } = await running(people(3));
    const held = await work(await takeUp(), 1);
    expect(await pauseBulkJob(at(), { id })).toBe(true);
    expect(await pauseBulkJob(at(), { id })).toBe(false);
    expect(await keepBulkJob(at(), held)).toBe(false);
    expect(await takeUpBulkJobs(at(duration.hour), { limit: 5 })).toEqual([]);
    expect(await resumeBulkJob(at(), { id, createdBy: new Types.ObjectId() })).toBe(false);
    expect(await resumeBulkJob(at(), { id, createdBy })).toBe(true);
    await work(await takeUp(), 1);
    expect(await cancelBulkJob(at(5), { id })).toBe(true);
    expect(await cancelBulkJob(at(), { id })).toBe(false);
    expect(await resumeBulkJob(at(), { id, createdBy })).toBe(false);
    const job = await readBulkJob(at(), { id });
    expect(job).toMatchObject({ state: "cancelled", endedAt: after(5) });
    expect(await listBulkJobItems(at(), { id, state: "pending" })).toHaveLength(1);
  });

  it("is stopped with the reason", async () => {
    const { id } = await running(people(3));
    const held = await work(await takeUp(), 1);
    const counts = await endBulkJob(at(), { job: held, stopCode: "INSUFFICIENT_ROLE" });
    expect(counts).toMatchObject({ done: 1 });
    const job = await readBulkJob(at(), { id });
    expect(job).toMatchObject({ state: "stopped", stopCode: "INSUFFICIENT_ROLE", counts: { pending: 2 } });
  });

  it.each([
    ["erase", { done: 3, skipped: 0 }],
    ["lock", { done: 2, skipped: 1 }],
  ] as const)("to %s counts a user who was erased, and has taken their item along", async (act, counts) => {
    await running(people(3), { act });
    const held = await takeUp();
    const { id } = await nextOf(held);
    await models.BulkJobItem.deleteOne({ _id: id });
    const worked = await work(held);
    expect(await endBulkJob(at(), { job: worked })).toMatchObject(counts);
  });

  it("is listed with others, the newest first, or those of an administrator", async () => {
    const other = new Types.ObjectId();
    const one = await prepare(people(1));
    const two = await prepareBulkJob(at(1), {
      act: "erase",
      reason: "Ticket 4712",
      createdBy: other,
      users: people(1),
      excluded: [],
    });
    const ids = async (input: Parameters<typeof listBulkJobs>[1]) =>
      (await listBulkJobs(at(), input)).map(({ id }) => id);
    expect(await ids({})).toEqual([two.id, one.id]);
    expect(await ids({ createdBy })).toEqual([one.id]);
    expect(await ids({ page: { limit: 1, before: { at: two.createdAt, id: two.id } } })).toEqual([one.id]);
  });
});
