import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideSlot, type SlotHolder, type SlotRequest } from "../src/sessions/slots.js";

const now = new Date("2026-01-01T00:00:00Z");
const later = new Date(now.getTime() + 1_000);
const request: SlotRequest = { cap: 3, policy: "evict_oldest", now, userGeneration: 0, choice: 0 };

function holder(id: string, slot: number, more: Partial<SlotHolder<string>> = {}): SlotHolder<string> {
  return { _id: id, slot, createdAt: new Date(slot), idleExpiresAt: later, userGeneration: 0, ...more };
}

describe("decideSlot", () => {
  it("takes a free slot", () => {
    expect(decideSlot([holder("a", 0)], request)).toEqual({
      denied: false,
      slot: 1,
      expired: [],
      evicted: [],
      moved: [],
    });
  });

  it("evicts the oldest when every slot is taken", () => {
    const holders = [holder("a", 0, { createdAt: new Date(9) }), holder("b", 1), holder("c", 2)];
    expect(decideSlot(holders, request)).toMatchObject({ denied: false, slot: 1, evicted: ["b"] });
  });

  it("denies when the policy says so", () => {
    const holders = [holder("a", 0), holder("b", 1), holder("c", 2)];
    expect(decideSlot(holders, { ...request, policy: "deny" })).toEqual({ denied: true, live: 3 });
  });

  it("does not count what has expired, or was opened before all sessions were ended", () => {
    const holders = [
      holder("expired", 0, { idleExpiresAt: now }),
      holder("older generation", 1, { userGeneration: 0 }),
      holder("live", 2, { userGeneration: 1 }),
    ];
    const decision = decideSlot(holders, { ...request, policy: "deny", userGeneration: 1 });
    expect(decision).toMatchObject({ denied: false, expired: ["expired", "older generation"], evicted: [] });
  });

  it.each<[string, Partial<SlotHolder<string>>]>([
    ["ends at this very moment", { idleExpiresAt: now }],
    ["ended a moment ago", { idleExpiresAt: new Date(now.getTime() - 1) }],
    ["is of a generation that was ended", { userGeneration: 0 }],
  ])("gives away the slot of a session that %s, under the policy that evicts none", (_what, more) => {
    const holders = [holder("over", 0, { userGeneration: 1, ...more })];
    const decision = decideSlot(holders, { ...request, cap: 1, policy: "deny", userGeneration: 1 });
    expect(decision).toEqual({ denied: false, slot: 0, expired: ["over"], evicted: [], moved: [] });
  });

  it("lets the last free slot be taken under the policy that denies", () => {
    const decision = decideSlot([holder("a", 0), holder("b", 2)], { ...request, policy: "deny" });
    expect(decision).toMatchObject({ denied: false, slot: 1 });
  });

  // Parallel logins choose different slots, or all but one of them would fail and try again.
  it.each([
    [0, 0],
    [0.33, 0],
    [0.34, 1],
    [0.67, 2],
    [0.999, 2],
  ])("with the choice %d takes the free slot %d of three", (choice, slot) => {
    expect(decideSlot([], { ...request, choice })).toMatchObject({ slot });
  });

  it("moves a session from the first slot above a lowered cap", () => {
    const decision = decideSlot([holder("a", 2)], { ...request, cap: 2 });
    expect(decision).toMatchObject({ evicted: [], moved: [{ _id: "a", from: 2, to: 1 }], slot: 0 });
  });

  it("after the cap was lowered evicts down to it and moves the rest below it", () => {
    const holders = [holder("a", 0), holder("b", 4), holder("c", 7)];
    const decision = decideSlot(holders, { ...request, cap: 2 });
    expect(decision).toMatchObject({ denied: false, evicted: ["a", "b"] });
    expect(decision).toMatchObject({ slot: 0, moved: [{ _id: "c", from: 7, to: 1 }] });
  });

  it("whatever the holders: stays under the cap, on a slot that is free", () => {
    const holders = fc.uniqueArray(
      fc.record({ slot: fc.nat({ max: 99 }), created: fc.nat(), live: fc.boolean() }),
      { selector: ({ slot }) => slot, maxLength: 40 },
    );
    fc.assert(
      fc.property(
        holders,
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (list, cap, choice) => {
          const all = list.map(({ slot, created, live }) =>
            holder(String(slot), slot, { createdAt: new Date(created), idleExpiresAt: live ? later : now }),
          );
          const decision = decideSlot(all, { ...request, cap, choice });
          if (decision.denied) throw new Error("evict_oldest never denies");
          const gone = new Set([...decision.expired, ...decision.evicted]);
          const moves = new Map(decision.moved.map(({ _id, to }) => [_id, to]));
          const taken = all
            .filter(({ _id }) => !gone.has(_id))
            .map(({ _id, slot }) => moves.get(_id) ?? slot);
          expect(taken.length).toBeLessThan(cap);
          expect(taken.every((slot) => slot < cap)).toBe(true);
          expect(new Set([...taken, decision.slot]).size).toBe(taken.length + 1);
          expect(decision.slot).toBeLessThan(cap);
        },
      ),
    );
  });
});
