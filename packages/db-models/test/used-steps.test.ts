import fc from "fast-check";
import { expect, it } from "vitest";
import { isUsedStep, type UsedSteps, usedStepsLimit, withUsedStep } from "../src/core/used-steps.js";

const windowSteps = 1;
const accept = (used: UsedSteps, step: number) => withUsedStep(used, step, windowSteps);

/** Moves of time and of the server's clock, and a code of an app whose clock is this much off. */
const moves = fc.array(
  fc.record({
    passes: fc.oneof(fc.nat(3), fc.nat(3_000), fc.nat(1_000_000)),
    skew: fc.oneof(fc.constant(0), fc.integer({ min: -50, max: 50 }), fc.integer({ min: -2e6, max: 2e6 })),
    app: fc.integer({ min: -windowSteps, max: windowSteps }),
  }),
  { maxLength: 60 },
);

it("no step is accepted twice, whatever the clock does, and the list stays short", () => {
  fc.assert(
    fc.property(moves, (all) => {
      const accepted = new Set<number>();
      let used: UsedSteps = [];
      let time = 60_000_000;
      for (const { passes, skew, app } of all) {
        time += passes;
        const step = Math.max(0, time + skew + app);
        if (!isUsedStep(used, step)) {
          expect(accepted.has(step)).toBe(false);
          accepted.add(step);
          used = accept(used, step);
        }
        for (const one of accepted) expect(isUsedStep(used, one)).toBe(true);
        expect(used.length).toBeLessThanOrEqual(usedStepsLimit);
        expect([...used].sort((one, other) => one - other)).toEqual(used);
      }
    }),
  );
});

it("a clock that was ahead for up to three codes takes none of the codes of the present", () => {
  const gaps = fc.array(fc.integer({ min: 3, max: 1_000_000 }), { maxLength: 40 });
  const aheadBy = fc.integer({ min: 4, max: 2_000_000 });
  fc.assert(
    fc.property(gaps, aheadBy, fc.integer({ min: 1, max: 3 }), (past, ahead, count) => {
      let time = 60_000_000;
      let used: UsedSteps = accept([], time);
      for (const gap of past) {
        time += gap;
        used = accept(used, time);
      }
      time += 3;
      for (let code = 0; code < count; code += 1) used = accept(used, time + ahead + 3 * code);
      expect(isUsedStep(used, time)).toBe(false);
      used = accept(used, time);
      expect(isUsedStep(used, time + ahead)).toBe(true);
    }),
  );
});

it("no code of a step before goes through once a later one has", () => {
  const used = accept([], 1_000);
  expect([997, 998, 999, 1_000, 1_001].map((step) => isUsedStep(used, step))).toEqual([
    false,
    true,
    true,
    true,
    false,
  ]);
});
