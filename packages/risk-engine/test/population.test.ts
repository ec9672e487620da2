import { describe, expect, it } from "vitest";
import { type Attempt, isRiskError, MemoryPopulation, populationKeys } from "../src/index.js";
import { CountMinSketch } from "../src/population/sketch.js";
import { chrome, usual } from "./support.js";

const from = (ip: string): Attempt => ({ ...usual, ip });
const address = (index: number) => `203.${(index >> 8) & 255}.${index & 255}.9`;
const code = (act: () => unknown) => {
  try {
    act();
    return "none";
  } catch (error) {
    return isRiskError(error) ? error.code : "other";
  }
};

describe("population statistics", () => {
  it("counts every level of a sign-in, and the users", () => {
    const population = new MemoryPopulation();
    population.record(usual, { newUser: true });
    population.record({ ...usual, userAgent: chrome(130) }, { newUser: false });
    expect(population.totals()).toEqual({ logins: 2, users: 1 });
    expect(population.count("address", "ip", "198.51.100.7")).toBe(2);
    expect(population.count("address", "asn", "64500")).toBe(2);
    expect(population.count("agent", "browser", "Chrome")).toBe(2);
    expect(population.count("address", "ip", "203.0.113.5")).toBe(0);
    expect(population.count("address", "ip", "__proto__")).toBe(0);
  });

  it("names the counters that an attempt will ask for", () => {
    expect(populationKeys(usual).map(({ feature, level }) => `${feature}.${level}`)).toEqual([
      "address.ip",
      "address.prefix",
      "address.asn",
      "address.country",
      "agent.userAgent",
      "agent.browser",
      "agent.os",
      "agent.deviceType",
    ]);
    expect(populationKeys({ at: 0 })).toEqual([]);
  });

  it("keeps what is frequent exact and the rest within its bound, never too low", () => {
    const population = new MemoryPopulation({ exactValues: 50, sketchWidth: 512 });
    const truth = new Map<string, number>();
    for (let index = 0; index < 40_000; index++) {
      // Ten values are half of everything; the other half are 4,000 rare ones.
      const value = address(index % 2 === 0 ? index % 20 : 1_000 + (index % 8_000));
      truth.set(value, (truth.get(value) ?? 0) + 1);
      population.record(from(value), { newUser: false });
    }
    let outside = 0;
    for (const [value, count] of truth) {
      const estimate = population.estimate("ip", value);
      expect(estimate.count).toBeGreaterThanOrEqual(count);
      if (estimate.count > count + estimate.error) outside += 1;
      if (count >= 1_000) expect(estimate).toEqual({ count, error: 0 });
    }
    expect(outside / truth.size).toBeLessThan(Math.exp(-4) * 2);
  });

  it("gives a value its own count that becomes frequent late", () => {
    const population = new MemoryPopulation({ exactValues: 10, sketchWidth: 4_096 });
    for (let index = 0; index < 10; index++) population.record(from(address(index)), { newUser: false });
    for (let index = 0; index < 500; index++) population.record(from("198.51.100.99"), { newUser: false });
    const { count, error } = population.estimate("ip", "198.51.100.99");
    expect(count).toBe(500);
    expect(error).toBeLessThanOrEqual(2);
  });

  it("adds up with another process's, in memory that does not grow", () => {
    const [mine, theirs, both] = [1, 2, 3].map(
      () => new MemoryPopulation({ exactValues: 20, sketchWidth: 1_024 }),
    );
    for (let index = 0; index < 3_000; index++) {
      const attempt = from(address(index % 300));
      (index % 3 === 0 ? mine : theirs)?.record(attempt, { newUser: index < 300 });
      both?.record(attempt, { newUser: index < 300 });
    }
    mine?.merge(theirs as MemoryPopulation);
    expect(mine?.totals()).toEqual(both?.totals());
    for (let index = 0; index < 300; index++) {
      const count = mine?.count("address", "ip", address(index)) ?? 0;
      expect(count).toBeGreaterThanOrEqual(10);
      expect(count).toBeLessThanOrEqual(10 + 30);
    }
    expect(mine?.toJSON().levels.ip.exact.length).toBeLessThanOrEqual(20);
  });

  it("is read back as it was written", () => {
    const population = new MemoryPopulation({ exactValues: 5, sketchWidth: 64 });
    for (let index = 0; index < 100; index++) population.record(from(address(index % 20)), { newUser: true });
    const again = MemoryPopulation.from(JSON.parse(JSON.stringify(population)));
    expect(again.toJSON()).toEqual(population.toJSON());
    again.record(from(address(1)), { newUser: false });
    expect(again.totals().logins).toBe(101);
  });

  it("refuses what is no population, and one of another width", () => {
    const small = new MemoryPopulation({ sketchWidth: 64 });
    expect(code(() => MemoryPopulation.from({ version: 1 }))).toBe("INVALID_POPULATION");
    expect(code(() => MemoryPopulation.from({ ...small.toJSON(), sketchWidth: 128 }))).toBe(
      "INVALID_POPULATION",
    );
    expect(code(() => new MemoryPopulation().merge(small))).toBe("POPULATIONS_DIFFER");
  });
});

it("a sketch is never too low, and seldom beyond its bound", () => {
  const sketch = new CountMinSketch(256);
  for (let index = 0; index < 2_000; index++) sketch.add(`value ${index}`, 1 + (index % 3));
  const bound = (Math.E / 256) * sketch.total;
  let outside = 0;
  for (let index = 0; index < 2_000; index++) {
    const over = sketch.estimate(`value ${index}`) - (1 + (index % 3));
    expect(over).toBeGreaterThanOrEqual(0);
    if (over > bound) outside += 1;
  }
  expect(outside).toBeLessThan(2_000 * Math.exp(-4));
});
