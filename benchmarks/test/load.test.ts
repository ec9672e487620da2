import { describe, expect, it } from "vitest";
import { benchmarkFaults } from "../src/load/load.js";
import { operations } from "../src/load/products.js";

describe("the load with faults", () => {
  it("fails with 503 and Retry-After, recovers, loses nothing, and accepts nothing past the bound", async () => {
    const size = { seconds: 3, members: 4, active: 8 };
    const times = { killedMs: 300, goneMs: 1_500, instanceMs: 300, betweenMs: 1_000 };
    const { operations: done, failures, broken } = await benchmarkFaults(size, times);
    expect(broken).toEqual({ acceptedAfterBound: 0, lost: 0 });
    expect(failures).toMatchObject({ withoutRetryAfter: 0, other: {} });
    expect(Object.keys(done)).toEqual(operations);
    expect(done.check.requests).toBeGreaterThan(0);
  }, 300_000);
});
