import { describe, expect, it } from "vitest";
import { noveltyLogOdds } from "../../src/backoff.js";
import { assess, learn, MemoryPopulation } from "../../src/index.js";
import { chrome, day, evidence, firefoxOnLinux, now, regular, sydney, usual } from "../support.js";

describe("the statistical core", () => {
  it.each([
    ["a new value says the more, the more is known", { seen: 0, of: 10, share: 0.3 }, Math.log(11)],
    ["and the same whether it is popular or not", { seen: 0, of: 10, share: 1e-4 }, Math.log(11)],
    ["a rare value that matches is good evidence", { seen: 10, of: 10, share: 0.01 }, Math.log(11 / 1_001)],
    ["one that everybody has is none", { seen: 10, of: 10, share: 1 }, 0],
    ["no history says nothing", { seen: 0, of: 0, share: 0.5 }, 0],
  ])("%s", (_name, counts, expected) => {
    expect(noveltyLogOdds(counts, { concentration: 1, bound: 6 })).toBeCloseTo(expected, 12);
  });

  it("keeps within its bound", () => {
    const policy = { concentration: 1, bound: 6 };
    expect(noveltyLogOdds({ seen: 0, of: 1e9, share: 1 }, policy)).toBe(6);
    expect(noveltyLogOdds({ seen: 1e9, of: 1e9, share: 1e-9 }, policy)).toBe(-6);
  });
});

describe("address", () => {
  it("trusts what is known and doubts what is new, level by level", () => {
    const known = evidence(regular());
    expect(known.known_ip).toBeLessThan(0);
    expect(known.known_operator).toBeLessThan(0);
    const neighbour = evidence(regular(), { ip: "198.51.100.200" });
    expect(neighbour.new_ip).toBeGreaterThan(0);
    expect(neighbour.known_network).toBeLessThan(0);
    const abroad = evidence(regular(), { ip: "203.0.113.5", asn: 64_501, country: "BR" });
    expect(Object.keys(abroad)).toEqual(
      expect.arrayContaining(["new_ip", "new_network", "new_operator", "new_country"]),
    );
  });

  it("takes a new privacy address of the same IPv6 network for a known network", () => {
    const profile = regular(20, { ip: "2a02:1::a:1" });
    const found = evidence(profile, { ip: "2a02:1::5678" });
    expect(found.known_network).toBeLessThan(0);
    expect(found.new_network).toBeUndefined();
  });

  it("says nothing of private and malformed addresses", () => {
    for (const ip of ["10.0.0.1", "0177.0.0.1", "not an address", "::1", "100.64.1.1", ""]) {
      const found = evidence(regular(), { ip });
      expect(found.new_ip ?? found.known_ip ?? found.new_network ?? found.known_network).toBeUndefined();
    }
  });

  it("leaves a relay's address alone, but not its country", () => {
    const found = evidence(regular(), {
      ip: "203.0.113.5",
      country: "BR",
      flags: [{ kind: "relay", asOf: now }],
    });
    expect(found.new_network).toBeUndefined();
    expect(found.new_country).toBeGreaterThan(0);
  });

  it("doubts less where the population says that everybody shares the value", () => {
    const population = new MemoryPopulation();
    for (let user = 0; user < 50; user++) population.record(usual, { newUser: true });
    const crowded = assess({ profile: regular(), population, attempt: usual });
    const rare = new MemoryPopulation();
    for (let user = 0; user < 50; user++) {
      rare.record({ ...usual, ip: `203.0.${user}.1`, userAgent: firefoxOnLinux }, { newUser: true });
    }
    const own = assess({ profile: regular(), population: rare, attempt: usual });
    expect(own.score).toBeLessThan(crowded.score ?? 0);
  });
});

describe("agent", () => {
  it("takes an update of the browser for no novelty, and an older version for one", () => {
    const updated = evidence(regular(), { userAgent: chrome(123) });
    expect(updated).toEqual(evidence(regular()));
    const older = evidence(regular(), { userAgent: chrome(90) });
    expect(older.new_browser).toBeGreaterThan(0);
    expect(older.known_agent).toBeLessThan(0);
  });

  it("doubts another device", () => {
    const found = evidence(regular(), { userAgent: firefoxOnLinux });
    expect(found.new_agent).toBeGreaterThan(0);
    expect(found.new_browser).toBeGreaterThan(0);
  });

  it("takes a header that is missing, or that names nothing, for a new one", () => {
    for (const userAgent of [undefined, "", "x", "\u0000\u0001"]) {
      expect(evidence(regular(), { userAgent }).new_agent).toBeGreaterThan(0);
    }
  });

  it("goes by names that the caller has read better", () => {
    const named = { browser: "Brave 1.60", os: "Windows 11", deviceType: "desktop" };
    const profile = regular(20, named);
    expect(evidence(profile, named).known_browser).toBeLessThan(0);
    expect(evidence(profile).new_browser).toBeGreaterThan(0);
  });
});

describe("device", () => {
  const profile = regular(20, { deviceId: "laptop" });

  it("trusts a cookie that is known, and doubts one that is not, or is missing", () => {
    expect(evidence(profile, { deviceId: "laptop" }).known_device).toBeCloseTo(-Math.log1p(20), 0);
    const unknown = evidence(profile, { deviceId: "other" }).unknown_device;
    expect(unknown).toBeGreaterThan(1);
    expect(evidence(profile).unknown_device).toBe(unknown);
  });

  it("judges nobody by it for whom no cookie was learnt", () => {
    expect(Object.keys(evidence(regular(), { deviceId: "laptop" }))).not.toContain("unknown_device");
  });

  it("keeps no cookie that could be presented", () => {
    expect(JSON.stringify(profile)).not.toContain("laptop");
  });
});

describe("travel", () => {
  const dayAfter = { place: sydney, at: now - day + 3_600_000 };

  it("finds what nobody travels, and lets fly who flies", () => {
    expect(evidence(regular(), dayAfter).impossible_travel).toBeGreaterThan(2);
    expect(evidence(regular(), { place: sydney }).impossible_travel).toBeUndefined();
  });

  it("ignores what is near, or within the error of the place", () => {
    const near = { latitude: 60.4, longitude: 10.8 };
    expect(evidence(regular(), { place: near, at: now - day + 1 }).impossible_travel).toBeUndefined();
    const vague = { ...sydney, accuracyKm: 20_000 };
    expect(evidence(regular(), { ...dayAfter, place: vague }).impossible_travel).toBeUndefined();
  });

  it.each(["relay", "vpn", "hosting", "satellite", "shared", "tor", "proxy"] as const)(
    "does not go by the place of a %s, nor keeps it",
    (kind) => {
      const flags = [{ kind, asOf: now }];
      expect(evidence(regular(), { ...dayAfter, flags }).impossible_travel).toBeUndefined();
      const after = learn({ profile: regular(), attempt: { ...usual, ...dayAfter, flags } });
      expect(after.place?.latitude).toBe(usual.place?.latitude);
    },
  );

  it("goes by the place again when the list is stale", () => {
    const flags = [{ kind: "vpn", asOf: now - 30 * day } as const];
    expect(evidence(regular(), { ...dayAfter, flags }).impossible_travel).toBeGreaterThan(0);
  });

  it("is the same with a clock that ran backwards", () => {
    const found = evidence(regular(), { place: sydney, at: now - day - 3_600_000 });
    expect(found.impossible_travel).toBeGreaterThan(2);
  });
});

describe("rhythm", () => {
  it("finds the night of somebody who comes in the morning, and trusts the morning", () => {
    expect(evidence(regular(), { at: now + 14 * 3_600_000 }).unusual_hour).toBeGreaterThan(0.5);
    expect(evidence(regular()).usual_hour).toBeLessThan(0);
  });

  it("says nothing before it has seen enough", () => {
    const found = evidence(regular(4), { at: now + 14 * 3_600_000 });
    expect(found.unusual_hour ?? found.usual_hour).toBeUndefined();
  });

  it("is around midnight as at any other hour", () => {
    const late = (offset: number) => {
      let profile = learn({ profile: null, attempt: { ...usual, at: now } });
      for (let index = 1; index < 30; index++) {
        profile = learn({
          profile,
          attempt: { ...usual, at: now + index * day + 14 * 3_600_000 + offset * (index % 2) },
        });
      }
      return evidence(profile, { at: now + 31 * day + 14 * 3_600_000 });
    };
    expect(late(3_600_000).usual_hour).toBeLessThan(0);
    expect(late(-3_600_000).usual_hour).toBeLessThan(0);
  });
});

describe("a time that a clock may have got wrong", () => {
  it("says nothing of the hour, whichever way it is wrong, and teaches no hour", () => {
    for (const years of [-10, -1, 1, 10]) {
      for (const hours of [0, 14]) {
        const at = now + years * 365 * day + hours * 3_600_000;
        const found = evidence(regular(), { at });
        expect(found.unusual_hour ?? found.usual_hour).toBeUndefined();
        expect(learn({ profile: regular(), attempt: { ...usual, at } }).hours).toEqual(regular().hours);
      }
    }
  });

  it("is no dormancy once a later sign-in was learnt", () => {
    const back = now + 200 * day;
    expect(evidence(regular(), { at: back }).dormant_account).toBeGreaterThan(0.4);
    const woken = learn({ profile: regular(), attempt: { ...usual, at: back } });
    expect(evidence(woken, { at: back + day }).dormant_account).toBeUndefined();
    // And one that was ahead by ten years leaves the account as awake as it is.
    const ahead = learn({ profile: regular(), attempt: { ...usual, at: now + 3_650 * day } });
    expect(evidence(ahead, { at: now + day }).dormant_account).toBeUndefined();
    expect(evidence(ahead, { at: now + 100 * day }).dormant_account).toBeGreaterThan(0.4);
  });
});

describe("dormancy", () => {
  it("doubts an account that wakes up, within its bound", () => {
    expect(evidence(regular(), { at: now + 30 * day }).dormant_account).toBeUndefined();
    expect(evidence(regular(), { at: now + 100 * day }).dormant_account).toBeGreaterThan(0.4);
    expect(evidence(regular(), { at: now + 1_000_000 * day }).dormant_account).toBe(1.5);
  });
});

describe("activity", () => {
  it("trusts users with more history more", () => {
    expect(evidence(regular(50)).activity).toBeLessThan(evidence(regular(2)).activity ?? 0);
  });
});
