import { describe, expect, it } from "vitest";
import { parseThresholds, thresholdsSchema } from "../../src/core/thresholds.js";

const invalid = (message: string) =>
  expect.objectContaining({ code: "INVALID_OPTIONS", message: expect.stringContaining(message) });

describe("parseThresholds", () => {
  it.each([
    [{ pingMs: 0 }, "pingMs"],
    [{ unknown: 1 }, "unknown"],
    ["strict", "The health thresholds are wrong: thresholds: "],
    [{ limits: { orders: { documents: 0 } } }, "limits.orders.documents"],
    [{ limits: { orders: { dataBytes: -1 } } }, "limits.orders.dataBytes"],
    [{ limits: { orders: { bytes: 1 } } }, "limits.orders"],
    [{ limits: { "": { documents: 1 } } }, "limits"],
    [{ pingMs: -1, oplogHours: -1 }, "oplogHours"],
  ])("refuses %j and names it", (value, message) => {
    expect(() => parseThresholds(value)).toThrow(invalid(message));
  });

  // A share is above 0 and at most 1, and the share of answers from the cache may be 0.
  it.each([
    "connectionsUsedRatio",
    "cacheUsedRatio",
    "cacheDirtyRatio",
    "processorBusyRatio",
    "processorHighRatio",
    "processorFullRatio",
  ] as const)("takes a share for %s", (name) => {
    for (const value of [0, -0.1, 1.01, "1", Number.NaN]) {
      expect(() => parseThresholds({ [name]: value })).toThrow(invalid(name));
    }
    for (const value of [0.001, 1]) expect(parseThresholds({ [name]: value })[name]).toBe(value);
  });

  it.each<[keyof ReturnType<typeof parseThresholds>, number[], number[]]>([
    ["slowOperationMs", [0, 1e6], [-1, 1.5]],
    ["examinedPerReturned", [1, 1.5, 1e6], [0.9]],
    ["keysPerReturned", [1, 1e6], [0.9]],
    ["longOperationMs", [1], [0, 1.5]],
    ["unusedIndexDays", [0.5, 400], [0]],
    ["indexToDataRatio", [0.1, 50], [0]],
    ["cacheHitRatio", [0, 1], [-0.1, 1.1]],
    ["queuedOperations", [0], [-1, 0.5]],
    ["idleTransactions", [0], [-1, 0.5]],
    ["replicationLagMs", [1], [0, 1.5]],
    ["memberSilentMs", [0], [-1, 0.5]],
    ["oplogHours", [0, 0.5, 1e3], [-1]],
    ["collections", [1, 1e6], [0, 1.5]],
    ["indexesPerCollection", [1, 64], [0, 65, 1.5]],
    ["sampleDocuments", [0, 100_000], [-1, 100_001, 1.5]],
    ["lookupOperations", [1, 1e6], [0, 1.5]],
    ["lookupStages", [1, 1e3], [0, 1.5]],
    ["growthDays", [1, 365], [0, 366, 1.5]],
    ["limitDays", [0.5, 1e3], [0]],
    ["weekGrowth", [1, 1.5, 1e3], [0.9]],
    ["deepSeconds", [0], [-1, 0.5]],
    ["probeTimeoutMs", [1], [0, 1.5]],
  ])("%s has its bounds", (name, good, bad) => {
    for (const value of good) expect(parseThresholds({ [name]: value })[name]).toBe(value);
    for (const value of bad) expect(() => parseThresholds({ [name]: value })).toThrow(invalid(name));
  });

  it("fills in what is not given, in an order in which each step is worse than the one before", () => {
    const limits = parseThresholds(undefined);
    expect(parseThresholds({})).toEqual(limits);
    expect(limits.processorBusyRatio).toBeLessThan(limits.processorHighRatio);
    expect(limits.processorHighRatio).toBeLessThan(limits.processorFullRatio);
    expect(limits.limits).toEqual({});
    expect(Object.values(limits).every((value) => value !== undefined)).toBe(true);
  });

  it("takes limits of collections, either or both", () => {
    const limits = { orders: { documents: 5 }, "*": { documents: 9, dataBytes: 1_000 }, none: {} };
    expect(parseThresholds({ limits }).limits).toEqual(limits);
  });

  // The reference and the help of the command line are made of these.
  it("describes every threshold, and its unit where the name has one", () => {
    for (const [name, option] of Object.entries(thresholdsSchema.shape)) {
      expect(option.description, name).toMatch(/^(?=.{12})[A-Z]/);
      if (name.endsWith("Ms")) expect(option.description, name).toMatch(/, ms(;|$)/);
    }
    const shares = ["processorBusyRatio", "processorHighRatio", "processorFullRatio"] as const;
    const texts = shares.map((name) => thresholdsSchema.shape[name].description ?? "");
    for (const text of texts) expect(text).toMatch(/^Share of .* above which it is .+/);
    expect(new Set(texts).size).toBe(3);
    const { documents, dataBytes } = thresholdsSchema.shape.limits.unwrap().valueType.shape;
    expect([documents.description, dataBytes.description]).toEqual(["Documents", "Bytes of data"]);
  });
});
