import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeEach, expect, test } from "vitest";
import { cleanupRuleSchema, drainRules, ttlBacklog } from "../../src/cleanup/index.js";
import { runCleanup } from "../../src/index.js";

const now = new Date("2025-06-01T00:00:00.000Z");
const hour = 3_600_000;
const ago = (ms: number) => new Date(now.getTime() - ms);

const database = useTemporaryDatabase({ label: "ttl", per: "test" });
const of = (name: string) => database.connection.collection(name);
// The monitor of the engine goes by its own clock, to which all of this is long past, and it would be quicker than the
// test: each index expires only what is older than sixty years. The backlog is looked for from then.
const decades = 60 * 365 * 24 * 3_600;
const later = new Date(now.getTime() + decades * 1_000);

beforeEach(async () => {
  await of("sessions").createIndex({ at: 1 }, { expireAfterSeconds: decades, name: "at ttl" });
  await of("sessions").insertMany([
    ...Array.from({ length: 30 }, (_, n) => ({ at: ago(2 * hour + n), n })),
    { at: ago(60_000) },
    { at: ago(-hour) },
    { at: "2001-01-01" },
  ]);
  await of("codes").createIndex(
    { at: 1 },
    { expireAfterSeconds: decades, partialFilterExpression: { used: true } },
  );
  await of("codes").insertMany([
    { at: ago(5 * hour), used: true },
    { at: ago(9 * hour), used: false },
  ]);
  await of("fresh").createIndex({ at: 1 }, { expireAfterSeconds: decades });
  await of("fresh").insertOne({ at: now });
  await of("plain").insertOne({ at: ago(9 * hour) });
});

test("names what expired longer ago than the monitor's passes explain, the longest behind first", async () => {
  expect(await ttlBacklog(database.connection, { now: later })).toEqual([
    {
      collection: "codes",
      index: "at_1",
      field: "at",
      expireAfterSeconds: decades,
      where: { used: true },
      expired: 1,
      oldest: ago(5 * hour),
      behindMs: 5 * hour,
    },
    expect.objectContaining({ collection: "sessions", expired: 30, behindMs: 2 * hour + 29 }),
    expect.objectContaining({ collection: "fresh", expired: 0, oldest: null, behindMs: 0 }),
  ]);
  const some = await ttlBacklog(database.connection, {
    now: later,
    collections: ["fresh"],
    graceSeconds: -1,
  });
  expect(some).toMatchObject([{ collection: "fresh", expired: 1 }]);
});

needs("clusterMonitoring")("is drained by rules that name exactly what has expired", async () => {
  const rules = drainRules(await ttlBacklog(database.connection, { now: later }));
  expect(rules.map((rule) => cleanupRuleSchema.parse(rule).name)).toEqual([
    "ttl:0:codes.at_1",
    "ttl:1:sessions.at-ttl",
  ]);
  // Counted from the same moment: what these rules name now is what the test's future made of them.
  const asOfNow = rules.map((rule) => ({ ...rule, retentionSeconds: rule.retentionSeconds - decades }));
  const { rules: done } = await runCleanup(database.connection, asOfNow, { now, run: true });
  expect(done.map(({ deleted }) => deleted)).toEqual([1, 31]);
  expect(await of("codes").find().toArray()).toMatchObject([{ used: false }]);
  expect(await of("sessions").countDocuments()).toBe(2);
  expect(await ttlBacklog(database.connection, { now: later })).toMatchObject(
    Array.from({ length: 3 }, () => ({ expired: 0 })),
  );
});
