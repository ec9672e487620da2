import { describe, expect, it } from "vitest";
import { scoreAll } from "./scores/cases.js";
import stored from "./scores/scores.json" with { type: "json" };

const near = (found: number, expected: number) =>
  Math.abs(found - expected) <= 1e-12 * Math.max(1, Math.abs(expected));

describe("scores", () => {
  it("stay as they are stored, to the twelfth digit", () => {
    const scored = scoreAll();
    expect(scored).toHaveLength(stored.length);
    for (const [index, [score, ratio, action]] of scored.entries()) {
      const [score0, ratio0, action0] = stored[index] as [number | null, number, string];
      const isSame = score === score0 || (score !== null && score0 !== null && near(score, score0));
      expect({ index, isSame: isSame && near(ratio, ratio0), action }).toEqual({
        index,
        isSame: true,
        action: action0,
      });
    }
    expect(scored.filter(([score]) => score !== null).length).toBeGreaterThan(200);
  });
});
