import { describe, expect, it } from "vitest";
import { TrustedCache } from "../src/session-cache/cache.js";
import type { Moment } from "../src/session-cache/clocks.js";
import { Table } from "../src/session-cache/table.js";

const at = (monotonic: number): Moment => ({ monotonic, wall: monotonic });

describe("a cache", () => {
  const made = (rules = {}) => {
    const clock = { now: at(0) };
    const cache = new TrustedCache(
      { boundMs: 1_000, proof: "read", idleMs: 10_000, maxEntries: 9, maxBytes: 9_999, ...rules },
      { now: () => clock.now },
    );
    const table = new Table<string>(cache);
    const fill = (key: string, kept = {}) =>
      table.fill(
        key,
        () => true,
        async () => ({
          result: key,
          keep: { value: key, subjects: [key], bytes: 10, ...kept },
        }),
      );
    const recall = (key: string) => table.recall(key, () => true)?.value;
    return { cache, clock, table, fill, recall };
  };
  const announced = (rules = {}) => {
    const all = made(rules);
    all.cache.announced();
    return all;
  };

  it("keeps nothing before others can know of it", async () => {
    const { cache, fill, recall } = made();
    expect(await fill("a")).toBe("a");
    expect(recall("a")).toBeUndefined();
    cache.announced();
    await fill("a");
    expect(recall("a")).toBe("a");
    expect(cache.size).toEqual({ entries: 1, bytes: 10, evicted: 0 });
  });

  it("keeps nothing above 4 KB, and nothing that is only for those who wait", async () => {
    const { fill, recall } = announced();
    await fill("a", { bytes: 4_096 });
    await fill("b", { bytes: 4_097 });
    await fill("c", { onlyForWaiting: true });
    expect(["a", "b", "c"].map(recall)).toEqual(["a", undefined, undefined]);
  });

  it("counts why a check was a read", async () => {
    const { cache, clock, table, fill, recall } = announced();
    await fill("a");
    expect(recall("a")).toBe("a");
    clock.now = at(980);
    expect(recall("a")).toBeUndefined();
    await fill("a");
    await table.fill(
      "a",
      () => false,
      async () => ({ result: "a" }),
    );
    expect(table.recall("a", () => false)).toBeUndefined();
    expect(cache.counts).toMatchObject({ hits: 1, misses: { absent: 1, lapsed: 1, over: 1 } });
  });

  it("does not keep what changed while it was read", async () => {
    const { cache, table, recall } = announced();
    const read = async () => {
      cache.invalidate(["a"]);
      return { result: "a", keep: { value: "a", subjects: ["a"], bytes: 1 } };
    };
    await table.fill("a", () => true, read);
    expect([recall("a"), cache.counts.raced]).toEqual([undefined, 1]);
  });

  it("has a thousand reads under way whose results may be kept", async () => {
    const { cache } = announced();
    const tickets = Array.from({ length: 1_000 }, () => cache.openTicket());
    expect(tickets.every((ticket) => ticket !== undefined)).toBe(true);
    expect(cache.openTicket()).toBeUndefined();
    cache.closeTicket(tickets[0]!);
    expect(cache.openTicket()).toBeDefined();
  });

  it("answers those who wait for a read of the same token, unless it began a bound ago", async () => {
    const { cache, clock, table } = announced();
    let land: () => void = () => undefined;
    const reading = table.fill(
      "a",
      () => true,
      async () => {
        await new Promise<void>((resolve) => {
          land = resolve;
        });
        return {
          result: "a",
          keep: { value: "a", subjects: ["a"], bytes: 1, onlyForWaiting: true as const },
        };
      },
    );
    expect([table.isBeingRead("a"), table.isBeingRead("b")]).toEqual([true, false]);
    const joining = table.join("a", () => true);
    const refusing = table.join("a", () => false);
    clock.now = at(980);
    const late = table.join("a", () => true);
    clock.now = at(10);
    land();
    await reading;
    expect([(await joining)?.value, await refusing, await late]).toEqual(["a", undefined, undefined]);
    expect(await table.join("a", () => true)).toBeUndefined();
    expect([cache.counts.joined, table.isBeingRead("a")]).toEqual([1, false]);
  });

  it("a read that took longer than the bound leaves the one that took its place to be joined", async () => {
    const { clock, table } = announced();
    const lands: (() => void)[] = [];
    const read = (value: string) =>
      table.fill(
        "a",
        () => true,
        async () => {
          await new Promise<void>((resolve) => lands.push(resolve));
          return { result: value, keep: { value, subjects: ["a"], bytes: 1, onlyForWaiting: true as const } };
        },
      );
    const slow = read("slow");
    clock.now = at(1_000);
    const next = read("next");
    lands[0]?.();
    await slow;
    expect(table.isBeingRead("a")).toBe(true);
    const joining = table.join("a", () => true);
    lands[1]?.();
    expect([(await joining)?.value, await next, table.isBeingRead("a")]).toEqual(["next", "next", false]);
  });

  it("lets those who wait go when the read fails", async () => {
    const { cache, table } = announced();
    const failing = table.fill(
      "a",
      () => true,
      () => Promise.reject(new Error("no server")),
    );
    const joining = table.join("a", () => true);
    await expect(failing).rejects.toThrow("no server");
    expect([await joining, table.isBeingRead("a")]).toEqual([undefined, false]);
    // Its ticket is closed: nothing is remembered for it.
    const ticket = cache.openTicket()!;
    expect(cache.isDirty(ticket, ["a"])).toBe(false);
  });

  it("drops an entry, and everything where nobody knows what a write reached", async () => {
    const { cache, table, fill, recall } = announced();
    for (const key of ["a", "b", "c"]) await fill(key);
    const entry = table.recall("a", () => true)!;
    expect(table.stillHolds(entry)).toBe(true);
    table.drop(entry);
    expect([table.stillHolds(entry), recall("a"), recall("b")]).toEqual([false, undefined, "b"]);
    const ticket = cache.openTicket()!;
    cache.invalidate("everything");
    expect([recall("b"), cache.isDirty(ticket, [])]).toEqual([undefined, true]);
  });

  it("begins another epoch with nothing", async () => {
    const { cache, fill, recall } = announced();
    cache.applied({ clusterTime: "place" as never });
    cache.echoed(at(0));
    await fill("a");
    expect([cache.position, cache.followsEcho()]).toEqual([{ clusterTime: "place" }, true]);
    cache.reset();
    expect([cache.position, cache.followsEcho(), recall("a")]).toEqual([undefined, false, undefined]);
    expect(cache.counts.epochs).toBe(1);
  });

  it("counts lapses while somebody asks, and how long they were", () => {
    const { cache, clock } = announced();
    cache.checkedAt();
    clock.now = at(100);
    cache.checkedAt();
    clock.now = at(300);
    cache.echoed(at(250));
    expect(cache.counts).toMatchObject({
      lapses: 1,
      lapsedMs: 300,
      echoes: 1,
      echoMs: 50,
      longestEchoMs: 50,
    });
    clock.now = at(400);
    cache.checkedAt();
    clock.now = at(1_230);
    cache.checkedAt();
    expect(cache.counts.lapses).toBe(2);
    clock.now = at(1_500);
    // Too old an echo ends no lapse.
    cache.echoed(at(251));
    expect(cache.counts.lapsedMs).toBe(300);
    clock.now = at(1_600);
    cache.echoed(at(1_590));
    expect(cache.counts).toMatchObject({ lapses: 2, lapsedMs: 670, longestEchoMs: 1_249 });
  });

  it("wakes when a check comes after ten seconds without any", () => {
    const { cache, clock } = announced();
    let woken = 0;
    cache.onWake(() => {
      woken += 1;
    });
    clock.now = at(10_000);
    expect(cache.isIdle).toBe(false);
    cache.checkedAt();
    clock.now = at(20_001);
    expect([cache.isIdle, woken]).toEqual([true, 0]);
    cache.checkedAt();
    expect([cache.isIdle, woken]).toEqual([false, 1]);
  });
});
