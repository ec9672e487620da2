import { setTimeout } from "node:timers/promises";
import { createIdentity, defineModels, type Identity } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Types } from "mongoose";
import { afterAll, beforeAll, expect, test } from "vitest";

const temporary = useTemporaryDatabase({ label: "jobs-crash" });
const kills = faultLoop({ seed: 20_961_130, all: 20 });
const worker = await bundleChild(new URL("../children/bulk-worker.ts", import.meta.url), { whole: true });

const begin = Date.UTC(2096, 2, 1, 12);
/** A lease and a bit. */
const leaseMs = 31_000;
const usersOfJob = 20;
const clock = { at: begin, now: () => new Date(clock.at) };
let identity: Identity;

beforeAll(async () => {
  identity = createIdentity({ connection: temporary.connection, clock });
  await createIndexes(defineModels(temporary.connection));
});
afterAll(() => identity.close());

let made = 0;

async function makeUsers(count: number): Promise<Types.ObjectId[]> {
  const { User } = identity.models;
  const now = clock.now();
  const users = Array.from({ length: count }, () => {
    made += 1;
    const auditKey = `${made}`.padStart(43, "k");
    return new User({ email: `user${made}@example.com`, auditKey, createdAt: now, updatedAt: now });
  });
  await User.insertMany(users);
  return users.map(({ _id }) => _id);
}

test(`each user of a job has their turn, whenever the instance that works on it is killed: ${kills.planned} kills (seed ${kills.seed})`, async () => {
  const [createdBy] = (await makeUsers(1)) as [Types.ObjectId];
  await identity.administrators.setRoles({ userId: createdBy, roles: ["identity:admin"] });
  const next = childrenAhead(2, kills.planned + 1, () => startChild(worker, temporary.uri, String(clock.at)));
  const users: Types.ObjectId[] = [];
  const jobs: Types.ObjectId[] = [];
  const settled = async () => identity.models.BulkJobItem.countDocuments({ state: { $ne: "pending" } });
  let met = 0;
  for (const { at } of kills.rounds(() => met > kills.planned / 2)) {
    const child = await next();
    const some = await makeUsers(usersOfJob);
    const order = { act: "lock", reason: "Ticket 4711", createdBy, users: some, excluded: [] } as const;
    const { id } = await identity.bulkJobs.prepare(order);
    expect(await identity.bulkJobs.start({ id, createdBy })).toBe(true);
    users.push(...some);
    jobs.push(id);
    const before = await settled();
    child.tell("go");
    // From the first user on, so that each kill meets a job at work.
    while ((await settled()) === before) await setTimeout(1);
    await setTimeout(at * 1_000);
    child.kill();
    await child.exited;
    const job = await identity.bulkJobs.read({ id });
    if (job?.state === "running") met += 1;
  }
  expect(met).toBeGreaterThan(kills.planned / 2);

  clock.at += leaseMs;
  const last = startChild(worker, temporary.uri, String(clock.at));
  await last.hasPrinted("ready\n");
  last.tell("go");
  const states = async () => new Set((await identity.bulkJobs.list({ createdBy })).map(({ state }) => state));
  while ((await states()).has("running")) await setTimeout(20);
  last.kill();
  await last.exited;

  expect(await states()).toEqual(new Set(["done"]));
  for (const id of jobs) {
    const job = await identity.bulkJobs.read({ id });
    expect(job?.counts).toEqual({ pending: 0, excluded: 0, done: usersOfJob, skipped: 0, failed: 0 });
    expect(await identity.bulkJobs.items({ id, state: "done", limit: 100 })).toHaveLength(usersOfJob);
  }
  const { User } = identity.models;
  expect(await User.countDocuments({ _id: { $in: users }, status: "suspended" })).toBe(users.length);
  // Each is in the trail, twice at most for each kill.
  const locked = await identity.audit.list({ action: "admin.user_locked", page: { limit: 200 } });
  const told = locked.filter(({ actorId }) => actorId?.equals(createdBy));
  expect(told.length).toBeGreaterThanOrEqual(Math.min(users.length, 200));
});
