import { beforeEach, expect, test } from "vitest";
import { acquireLease, type LeaseStore, releaseLease, renewLease } from "../src/lease.js";
import { useStore } from "./support/store.js";

const store = useStore();
const start = Date.parse("2026-03-01T12:00:00Z");
let now: number;
let leases: LeaseStore;
beforeEach(() => {
  now = start;
  leases = store.leases(() => new Date(now));
});

const acquire = (owner: string, tick?: Date) =>
  acquireLease(leases, { job: "cleanup", owner, ttlMs: 1_000, ...(tick && { tick }) });

async function held(owner: string, tick?: Date) {
  const acquisition = await acquire(owner, tick);
  if (!acquisition.acquired) throw new Error(`not acquired: ${acquisition.reason}`);
  return acquisition.lease;
}

test("of a hundred that try at once, one gets it", async () => {
  const attempts = await Promise.all(Array.from({ length: 100 }, (_, index) => acquire(`owner${index}`)));
  expect(attempts.filter(({ acquired }) => acquired)).toHaveLength(1);
  now += 1_000;
  const again = await Promise.all(Array.from({ length: 100 }, (_, index) => acquire(`owner${index}`)));
  expect(again.filter(({ acquired }) => acquired)).toHaveLength(1);
});

test("holds until it runs out, renewed or not, and each holder has a higher fence", async () => {
  const first = await held("a");
  now += 999;
  expect(await acquire("b")).toMatchObject({ acquired: false, reason: "locked" });
  expect(await renewLease(leases, first, 1_000)).toBe(true);
  now += 999;
  expect(await acquire("b")).toMatchObject({ acquired: false });
  now += 1;
  const second = await held("b");
  expect(second.fence).toBe(first.fence + 1);
});

test("a holder that lost it can neither renew nor release it", async () => {
  const first = await held("same name");
  now += 1_000;
  expect(await renewLease(leases, first, 1_000)).toBe(false);
  const second = await held("same name");
  expect(await renewLease(leases, first, 1_000)).toBe(false);
  await releaseLease(leases, first);
  expect(await renewLease(leases, second, 1_000)).toBe(true);
});

test("once released, the next may have it at once", async () => {
  await releaseLease(leases, await held("a"));
  expect((await held("b")).fence).toBe(2);
});

test("once a scheduled run is done, nobody gets the lease for it again, but for the next", async () => {
  const tick = new Date(start);
  await releaseLease(leases, await held("a", tick), tick);
  expect(await acquire("b", tick)).toEqual({ acquired: false, reason: "done" });
  await held("b", new Date(start + 60_000));
});

test("leases of two jobs have nothing to do with each other", async () => {
  await held("a");
  const other = await acquireLease(leases, { job: "health", owner: "b", ttlMs: 1_000 });
  expect(other.acquired).toBe(true);
});

test("the time is the server's", async () => {
  const difference = (await store.leases().now()).getTime() - Date.now();
  expect(Math.abs(difference)).toBeLessThan(5_000);
});
