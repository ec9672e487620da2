// The one line in which long work tells how far it is.
import { expect, test } from "vitest";
import { progressOf, progressText } from "../../src/jobs/index.js";
import { idleStep } from "../../src/jobs/step.js";

test.each([
  [1_200, 3_000, 300, 6_000, "copy: 1,200 of 3,000 (40 %), 300 per second, 6.0 s left"],
  [1, 2, 0.96, 1_042, "copy: 1 of 2 (50 %), 1 per second, 1.0 s left"],
  [1, 2, 1 / 71, 71_000, "copy: 1 of 2 (50 %), 1 per minute, 1 min 11 s left"],
  [1, 3, 0.3, 6_667, "copy: 1 of 3 (33 %), 18 per minute, 6.7 s left"],
  [1, 3, 5 / 3_600, 1_440_000, "copy: 1 of 3 (33 %), 5 per hour, 24 min 0 s left"],
  [1, 3, 1e-9, null, "copy: 1 of 3 (33 %), 0 per hour"],
  [0, 3, 0, null, "copy: 0 of 3 (0 %)"],
  // A count of millions takes longer than the first batches.
  [50, null, 25, null, "copy: 50, 25 per second"],
  [3, 3, 3, 0, "copy: 3 of 3 (100 %), 3 per second"],
  [4, 3, 3, 0, "copy: 4 of 3 (100 %), 3 per second, 0 s left"],
  [0, 0, 0, null, "copy: 0 of 0 (100 %)"],
])("%d of %d at %d a second", (done, total, rate, etaMs, text) => {
  expect(progressText({ step: "copy", collection: "orders", done, total, rate, etaMs })).toBe(text);
});

// github/gh-ost #766: "Copy: 36734000/10544533 348.4%".
test("what comes after the count is part of the whole", () => {
  const state = { ...idleStep("copy", "orders", ""), total: 3, done: 4, activeMs: 2_000 };
  const progress = progressOf(state);
  expect(progress).toMatchObject({ done: 4, total: 4, etaMs: 0 });
  expect(progressText(progress)).toBe("copy: 4 of 4 (100 %), 2 per second");
});
