import fc from "fast-check";
import { Types } from "mongoose";
import { expect, it } from "vitest";
import { slotChanges } from "../src/migrations/settle.js";
import { now } from "./moment.js";

const at = (minutes: number) => new Date(now.getTime() + minutes * 60_000);

const held = fc.record({
  created: fc.integer({ min: -500, max: 0 }),
  expires: fc.integer({ min: -50, max: 50 }),
  slot: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
});

it("the newest live sessions get the slots, each its own, and those that have one keep it", () => {
  fc.assert(
    fc.property(fc.array(held, { maxLength: 20 }), fc.integer({ min: 1, max: 10 }), (given, cap) => {
      // The unique index lets no two sessions have one slot.
      const seen = new Set<number>();
      const sessions = given.map(({ created, expires, slot }) => {
        const own = slot !== undefined && !seen.has(slot) ? slot : undefined;
        if (own !== undefined) seen.add(own);
        const dates = { createdAt: at(created), idleExpiresAt: at(expires) };
        return { _id: new Types.ObjectId(), ...dates, ...(own !== undefined && { slot: own }) };
      });
      const { release, assign } = slotChanges(sessions, cap, now);
      const released = new Set(release.map(({ _id }) => _id));
      const after = new Map(
        sessions.flatMap(({ _id, slot }) =>
          slot !== undefined && !released.has(_id) ? [[_id, slot] as const] : [],
        ),
      );
      for (const { _id, slot } of assign) after.set(_id, slot);
      const live = sessions.filter(({ idleExpiresAt }) => idleExpiresAt > now);
      expect(after.size).toBe(Math.min(live.length, cap));
      expect(new Set(after.values()).size).toBe(after.size);
      expect(Math.max(-1, ...after.values())).toBeLessThan(cap);
      const oldestIn = Math.min(
        ...live.filter(({ _id }) => after.has(_id)).map(({ createdAt }) => createdAt.getTime()),
      );
      for (const { _id, createdAt } of live)
        if (!after.has(_id)) expect(createdAt.getTime()).toBeLessThanOrEqual(oldestIn);
    }),
  );
});
