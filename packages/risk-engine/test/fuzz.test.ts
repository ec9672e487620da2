import { expect, it } from "vitest";
import { fuzz } from "./fuzz/check.js";

// A million: `pnpm --filter @org/risk-engine fuzz`.
it("whatever comes in, the result is defined: no throw, no NaN, nothing out of range", () => {
  const cases = 20_000;
  const { scored } = fuzz(cases, 20_260_107);
  expect(scored).toBeGreaterThan(cases / 3);
});
