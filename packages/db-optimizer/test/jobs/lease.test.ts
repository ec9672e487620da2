// The one lease: one holder at a time, by the server's clock, and each with a higher number than the one before.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test } from "vitest";
import { type Lease, leaseHeldUntil, lowestLiving, withLease } from "../../src/jobs/lease.js";

const database = useTemporaryDatabase({ label: "lease", per: "test" });
const leases = () =>
  database.connection.collection<{ _id: string; fencing: number; expiresAt: Date }>("org_db_leases");
const runsOut = () => leases().updateOne({ _id: "x" }, { $set: { expiresAt: new Date(0) } });
const numberOf = () => withLease(database.connection, "x", {}, async (_signal, { fencing }) => fencing);

/** Holds the lease until told to give it back. */
async function held(leaseMs = 60_000) {
  let giveBack = () => {};
  let lease: Lease | undefined;
  let begun = () => {};
  const taken = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const over = withLease(database.connection, "x", { leaseMs }, async (_signal, own) => {
    lease = own;
    begun();
    await new Promise<void>((resolve) => {
      giveBack = resolve;
    });
  });
  await Promise.race([taken, over]);
  const end = () => {
    giveBack();
    return over;
  };
  return { lease: lease as unknown as Lease, end };
}

test("of many that try at once, one gets it", async () => {
  let holders = 0;
  const attempt = () =>
    withLease(database.connection, "x", {}, async () => {
      holders += 1;
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
  const attempts = await Promise.allSettled(Array.from({ length: 50 }, attempt));
  expect(holders).toBe(1);
  for (const one of attempts)
    if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "LOCKED" });
});

test("holds until it runs out, and each holder has a higher number", async () => {
  const first = await held();
  await expect(numberOf()).rejects.toMatchObject({
    code: "LOCKED",
    details: { lease: "x", expiresAt: expect.any(Date) },
  });
  expect(await lowestLiving(database.connection, "x")).toBe(1);
  await runsOut();
  expect(await lowestLiving(database.connection, "x")).toBe(2);
  expect(await numberOf()).toBe(2);
  await first.end();
});

test("a holder that lost it can neither prolong it nor give it back", async () => {
  const first = await held();
  await runsOut();
  const second = await held();
  await expect(first.lease.confirm()).rejects.toMatchObject({ code: "LEASE_LOST" });
  await expect(first.lease.raiseAbove(9)).rejects.toMatchObject({ code: "LEASE_LOST" });
  await first.end();
  expect(await leaseHeldUntil(database.connection, "x")).toBeInstanceOf(Date);
  await second.lease.confirm();
  await second.end();
});

test("once given back, the next may have it at once; leases of two names have nothing to do with each other", async () => {
  expect([await numberOf(), await numberOf()]).toEqual([1, 2]);
  await withLease(database.connection, "y", {}, async () => expect(await numberOf()).toBe(3));
});

test("its number is raised above one that an earlier holder has left, and never falls", async () => {
  await withLease(database.connection, "x", {}, async (_signal, lease) => {
    await lease.raiseAbove(41);
    expect(lease.fencing).toBe(42);
    await lease.raiseAbove(7);
    expect(lease.fencing).toBe(42);
    expect(await leases().findOne({ _id: "x" })).toMatchObject({ fencing: 42 });
  });
  expect(await numberOf()).toBe(43);
});

test("a name that nobody ever held has no living holder", async () => {
  expect(await lowestLiving(database.connection, "x")).toBe(Number.POSITIVE_INFINITY);
});

test("renewals that are under way while it is given back do not bring it back", async () => {
  const { connection } = database;
  let renewals: Promise<unknown> = Promise.resolve();
  await withLease(connection, "x", {}, async (_signal, { confirm }) => {
    // Each reads the server's time before it writes; there are more than connections.
    renewals = Promise.allSettled(Array.from({ length: 300 }, () => confirm()));
  });
  await renewals;
  expect(await leaseHeldUntil(connection, "x")).toBeUndefined();
});

describe("a server clock that was set back by an hour", () => {
  const hour = 3_600_000;
  const setBack = () =>
    leases().updateOne({ _id: "x" }, { $set: { expiresAt: new Date(Date.now() + hour) } });
  const waiting = (waitMs: number) =>
    withLease(database.connection, "x", { waitMs, leaseMs: 500 }, async (_signal, { fencing }) => fencing);

  test("does not make the lease of a dead holder last an hour longer", async () => {
    await leases().insertOne({
      _id: "x",
      owner: "dead",
      leaseMs: 500,
      fencing: 3,
      expiresAt: new Date(),
    } as never);
    await setBack();
    await expect(waiting(0)).rejects.toMatchObject({ code: "LOCKED" });
    expect(await waiting(60_000)).toBe(4);
  });

  test("takes nothing from a living holder", async () => {
    const { lease, end } = await held();
    await setBack();
    await expect(waiting(0)).rejects.toMatchObject({ code: "LOCKED" });
    const until = (await leaseHeldUntil(database.connection, "x")) as Date;
    expect(until.getTime()).toBeLessThan(Date.now() + hour / 2);
    await lease.confirm();
    await end();
  });
});
