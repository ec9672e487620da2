import { describe, expect, it } from "vitest";
import { concentrationOf, logBesselI0, surpriseOf } from "../src/circular.js";

/** The defining series. */
function besselI(order: 0 | 1, x: number): number {
  let term = order === 0 ? 1 : x / 2;
  let sum = term;
  for (let k = 1; k < 200; k++) {
    term *= (x / 2) ** 2 / (k * (k + order));
    sum += term;
  }
  return sum;
}

describe("circular statistics", () => {
  it.each([0, 0.5, 1, 3.7, 3.8, 10, 20])("I₀(%d) is that of its series", (x) => {
    expect(logBesselI0(x)).toBeCloseTo(Math.log(besselI(0, x)), 5);
  });

  it.each([0.1, 0.4, 0.52, 0.54, 0.7, 0.84, 0.86, 0.95])(
    "a mean length of %d has the κ that gives it back",
    (length) => {
      const kappa = concentrationOf(length);
      expect(besselI(1, kappa) / besselI(0, kappa)).toBeCloseTo(length, 2);
    },
  );

  it("knows nothing of nothing", () => {
    expect(surpriseOf({ cos: 0, sin: 0, total: 0 }, 1, 0.1)).toBeCloseTo(0, 6);
  });
});
