import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freemanScore } from "@org/risk-engine/freeman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ablate, ablations } from "../risk-evaluation/ablation.js";
import { readDataset, splitLine } from "../risk-evaluation/dataset.js";
import { generateWorld } from "../risk-evaluation/generator/generate.js";
import { pool, reauthentications, rocAuc, thresholdFor } from "../risk-evaluation/metrics.js";
import { OurModel } from "../risk-evaluation/models/ours.js";
import { referenceModel } from "../risk-evaluation/models/reference.js";
import { comparison } from "../risk-evaluation/report.js";
import { run } from "../risk-evaluation/run.js";
import { reportingSeeds, tuningSeeds } from "../risk-evaluation/seeds.js";
import { attackers, type Visit, variants } from "../risk-evaluation/world.js";

describe("the generated worlds", () => {
  const world = generateWorld(7, { users: 300 });
  const legitimate = world.visits.filter(({ attacker }) => !attacker);

  it("are the same for the same seed, and others for another", () => {
    expect(generateWorld(7, { users: 300 }).visits).toEqual(world.visits);
    expect(generateWorld(8, { users: 300 }).visits).not.toEqual(world.visits);
  });

  it("have every kind of attack, always after the victim's first sign-in", () => {
    const first = new Map<number, number>();
    for (const { user, attempt, attacker } of world.visits) {
      if (!attacker && !first.has(user)) first.set(user, attempt.at);
      if (attacker) expect(first.get(user)).toBeLessThanOrEqual(attempt.at);
    }
    for (const attacker of attackers) {
      expect(world.visits.filter((visit) => visit.attacker === attacker)).toHaveLength(300);
    }
  });

  it("have the variants of attackers on top, after the victim's first sign-in, and are else the same", () => {
    const more = generateWorld(7, { users: 300, withVariants: true }).visits;
    const isVariant = ({ attacker }: Visit) => (variants as readonly unknown[]).includes(attacker);
    expect(more.filter((visit) => !isVariant(visit))).toEqual(world.visits);
    const first = new Map(legitimate.toReversed().map(({ user, attempt }) => [user, attempt.at]));
    for (const variant of variants) {
      const attacks = more.filter(({ attacker }) => attacker === variant);
      expect(attacks).toHaveLength(300);
      for (const { user, attempt } of attacks) expect(attempt.at).toBeGreaterThan(first.get(user) ?? 0);
    }
  });

  it("show in the ablation what a rule is for", () => {
    const worlds = [generateWorld(7, { users: 300, withVariants: true })];
    const [all, noTravel, noAutomation] = ["nothing", "impossible travel", "automation"].map((without) =>
      ablate(worlds, without, ablations[without] as never),
    );
    expect(noTravel?.mean.get("relayed")).toBeGreaterThan((all?.mean.get("relayed") ?? 0) * 1.5);
    expect(noAutomation?.mean.get("scripted")).toBeGreaterThan(all?.mean.get("scripted") ?? 0);
  });

  it("have relays, VPNs, IPv6, carriers and travel", () => {
    const flags = legitimate.flatMap(({ attempt }) => attempt.flags ?? []).map(({ kind }) => kind);
    expect(new Set(flags)).toEqual(new Set(["relay", "vpn"]));
    expect(legitimate.filter(({ attempt }) => attempt.ip?.includes(":")).length).toBeGreaterThan(
      legitimate.length / 10,
    );
    const countries = new Map<number, Set<string>>();
    for (const { user, reference } of legitimate) {
      countries.set(user, (countries.get(user) ?? new Set()).add(reference.country));
    }
    expect([...countries.values()].filter((set) => set.size > 1).length).toBeGreaterThan(10);
  });

  it("let our model ask less often than the reference for the same attacks stopped", () => {
    const [reference, ours] = [referenceModel(), new OurModel()].map((model) =>
      pool([[run(model, world), world]]),
    );
    const cost = (pooled: typeof reference) =>
      reauthentications(pooled as never, thresholdFor(pooled as never, "targeted", 0.95), 10).mean;
    expect(cost(ours)).toBeLessThan(cost(reference) * 0.8);
    for (const attacker of attackers) {
      expect(rocAuc(ours as never, attacker)).toBeGreaterThan(rocAuc(reference as never, attacker));
    }
  });

  it("give the model that counts as it goes the score of the one that reads the whole history", () => {
    const some = legitimate.slice(0, 400);
    const model = referenceModel();
    for (const [index, visit] of some.entries()) {
      if (index % 20 === 19) {
        const whole = freemanScore(
          some.slice(0, index).map(({ reference }) => reference),
          visit.reference,
        );
        expect(model.score(visit)).toEqual(whole);
      }
      model.learn(visit);
    }
  });
});

it("figures are never of worlds that weights were fitted on", () => {
  expect(reportingSeeds.filter((seed) => (tuningSeeds as readonly number[]).includes(seed))).toEqual([]);
});

describe("metrics", () => {
  const pooled = {
    model: "m",
    users: [
      { scores: [1, 5, 5], frequency: "weekly" as const },
      { scores: [1, 1], frequency: "daily" as const },
    ],
    attacks: new Map([["naive" as const, [4, 6, 7, 9]]]),
  };

  it("find the highest threshold that stops enough", () => {
    expect(thresholdFor(pooled, "naive", 1)).toBe(4);
    expect(thresholdFor(pooled, "naive", 0.75)).toBe(6);
  });

  it("count re-authentications among the first n of those who have so many", () => {
    expect(reauthentications(pooled, 4, 3)).toEqual({ users: 1, median: 2, mean: 2 });
    expect(reauthentications(pooled, 4, 2)).toEqual({ users: 2, median: 0, mean: 0.5 });
  });

  it("rank attacks against sign-ins, ties by half", () => {
    expect(rocAuc(pooled, "naive")).toBeCloseTo((4 * 3 + 3 * 2) / 20, 12);
    expect(rocAuc({ ...pooled, attacks: new Map([["naive", [1]]]) }, "naive")).toBeCloseTo(1.5 / 5, 12);
  });
});

describe("the RBA data set", () => {
  const header =
    "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover";
  const agent =
    '"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.149"';
  const row = (index: number, user: number, ip: string, flags: string) =>
    `${index},2020-02-${String(3 + (index % 20)).padStart(2, "0")} 12:43:30.772,${user},,${ip},NO,Oslo,Oslo,29695,${agent},Chrome 80.0.3987,Linux,desktop,${flags}`;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "rba-"));
    file = join(folder, "rba.csv");
    const good = Array.from({ length: 60 }, (_, index) =>
      row(index, index % 6, `9.9.${index % 6}.1`, "True,False,False"),
    );
    const others = [
      row(60, 1, "8.8.8.8", "False,True,False"),
      row(61, 1, "8.8.8.8", "True,True,False"),
      row(79, 2, "7.7.7.7", "True,False,True"),
      row(79, 99, "7.7.7.7", "True,False,True"),
      "broken",
    ];
    await writeFile(file, [header, ...good, ...others].join("\n"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is read: successful sign-ins as legitimate, takeovers of known users as very targeted", async () => {
    const world = await readDataset(file, 1_000, 1);
    expect(world.visits.filter(({ attacker }) => !attacker)).toHaveLength(60);
    expect(world.visits.filter(({ attacker }) => attacker === "very targeted")).toHaveLength(1);
    expect(world.visits.filter(({ attacker }) => attacker === "naive")).toHaveLength(6);
    expect(world.visits.find(({ attacker }) => attacker === "naive")?.attempt.ip).toBe("8.8.8.8");
    expect(world.visits[0]?.attempt.userAgent).toContain("(KHTML, like Gecko)");
    const models = [referenceModel(), new OurModel()].map((model) => pool([[run(model, world), world]]));
    expect(comparison(models).join("\n")).toContain("ROC AUC");
  });

  it("stops after the rows that were asked for, and refuses another file", async () => {
    const world = await readDataset(file, 12, 1);
    expect(world.visits.filter(({ attacker }) => !attacker)).toHaveLength(12);
    const other = join(folder, "other.csv");
    await writeFile(other, "a,b\n1,2\n");
    await expect(readDataset(other, 10, 1)).rejects.toThrow(/columns/);
  });

  it("has fields with commas and quotes in them", () => {
    expect(splitLine('1,"a, b",,"say ""hi""",x')).toEqual(["1", "a, b", "", 'say "hi"', "x"]);
  });
});
