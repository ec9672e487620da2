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

  describe("where there is room for one value", () => {
    const [a, b] = ["203.0.113.1", "203.0.113.2"];
    const after = (...ips: string[]) => {
      const population = new MemoryPopulation({ exactValues: 1, sketchWidth: 4_096 });
      for (const ip of ips) population.record(from(ip), { newUser: false });
      return population;
    };
    const told = (population: MemoryPopulation) => ({
      a: population.estimate("ip", a),
      b: population.estimate("ip", b),
      exact: population.toJSON().levels.ip.exact,
    });

    it.each<[string, string[], ReturnType<typeof told>]>([
      [
        "the first has it",
        [a, b],
        { a: { count: 1, error: 0 }, b: { count: 1, error: 1 }, exact: [[a, 0, 1]] },
      ],
      [
        "one that passes it takes its place, and none is counted too low",
        [a, b, b],
        { a: { count: 1, error: 1 }, b: { count: 2, error: 1 }, exact: [[b, 2, 0]] },
      ],
      [
        "from then on it is counted one by one",
        [a, b, b, b],
        { a: { count: 1, error: 1 }, b: { count: 3, error: 1 }, exact: [[b, 2, 1]] },
      ],
      [
        "one that is as frequent does not",
        [a, a, b, b],
        { a: { count: 2, error: 0 }, b: { count: 2, error: 1 }, exact: [[a, 0, 2]] },
      ],
      [
        "it is asked about at powers of two alone",
        [a, a, b, b, b],
        { a: { count: 2, error: 0 }, b: { count: 3, error: 1 }, exact: [[a, 0, 2]] },
      ],
      [
        "and taken at the next",
        [a, a, b, b, b, b],
        { a: { count: 2, error: 1 }, b: { count: 4, error: 1 }, exact: [[b, 4, 0]] },
      ],
    ])("%s", (_what, ips, expected) => {
      expect(told(after(...ips))).toEqual(expected);
    });

    it("two that know each other's value add it up", () => {
      const mine = after(a, a, b);
      mine.merge(after(b, b, a));
      // Each has its own value exactly, and the other's in its sketch.
      expect(told(mine)).toMatchObject({ a: { count: 3 }, b: { count: 3 } });
      const same = after(a, a);
      same.merge(after(a, a, a));
      expect(told(same)).toMatchObject({ a: { count: 5, error: 0 }, exact: [[a, 0, 5]] });
    });

    it("a smaller count goes, not a larger one", () => {
      const population = new MemoryPopulation({ exactValues: 2, sketchWidth: 4_096 });
      for (const ip of [a, a, a, "203.0.113.3", b, b]) population.record(from(ip), { newUser: false });
      expect(population.toJSON().levels.ip.exact).toEqual([
        [a, 0, 3],
        [b, 2, 0],
      ]);
    });
  });

  it("takes over what another knows while it has room", () => {
    const [mine, theirs] = [new MemoryPopulation(), new MemoryPopulation()];
    mine.record(from("203.0.113.1"), { newUser: true });
    for (const ip of ["203.0.113.1", "203.0.113.2"]) theirs.record(from(ip), { newUser: true });
    mine.merge(theirs);
    expect(mine.totals()).toEqual({ logins: 3, users: 3 });
    expect(mine.estimate("ip", "203.0.113.1")).toEqual({ count: 2, error: 0 });
    expect(mine.estimate("ip", "203.0.113.2")).toEqual({ count: 1, error: 0 });
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
    const full = new MemoryPopulation({ exactValues: 1, sketchWidth: 64 });
    full.record(usual, { newUser: true });
    const { levels, ...state } = full.toJSON();
    const withIp = (exact: unknown[]) => ({ ...state, levels: { ...levels, ip: { ...levels.ip, exact } } });
    expect(code(() => MemoryPopulation.from(withIp([["a", 0, 1]])))).toBe("none");
    for (const exact of [
      [
        ["a", 0, 1],
        ["b", 0, 1],
      ],
      [["a", -1, 1]],
      [["a", 0]],
      [[1, 0, 1]],
    ]) {
      expect(code(() => MemoryPopulation.from(withIp(exact)))).toBe("INVALID_POPULATION");
    }
    expect(code(() => full.count("address", "street" as never, "a"))).toBe("INVALID_POPULATION");
    expect(() => MemoryPopulation.from(null)).toThrow(
      expect.objectContaining({ message: "Not a stored population", cause: expect.any(Error) }),
    );
  });
});

it("a sketch adds up with another, and is read back by its cells", () => {
  const [one, other] = [new CountMinSketch(64), new CountMinSketch(64)];
  one.add("a", 2);
  other.add("a", 3);
  other.add("b", 1);
  one.addAll(other);
  expect([one.total, one.estimate("a"), one.estimate("b"), one.estimate("c")]).toEqual([6, 5, 1, 0]);
  const again = new CountMinSketch(64, one.cells, one.total);
  expect([again.total, again.estimate("a"), again.cells]).toEqual([6, 5, one.cells]);
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
