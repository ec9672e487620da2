import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, randomOf, startChild, type WaitingChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

import { DatabaseOptimizer, journalRuns, openObservations } from "../../src/index.js";
import type { Assignment } from "../children/applier.js";
import { driftingModels, driftingPlan, seedDrift } from "../children/drifting.js";
import { aMinutePasses } from "../support.js";

const database = useTemporaryDatabase({ label: "kills" });
const seed = Number(process.env.TEST_SEED ?? 20_961_124);
const kills = 50;
/** Steps of the plan. */
const steps = 8;
/** Longer than most of the steps take. */
const longestMs = 60;
const script = await bundleChild(new URL("../children/applier.ts", import.meta.url));

/** A moment within any of the steps, or before the first, on a machine of whatever speed. */
async function someMoment(child: WaitingChild, random: () => number): Promise<void> {
  const ended = Math.floor(random() * steps);
  const count = () => child.printed().match(/^done|^observing/gm)?.length ?? 0;
  while (count() < ended) await setTimeout(1);
  await setTimeout(random() * longestMs);
}

async function indexes() {
  const listed = await database.connection.collection("things").listIndexes().toArray();
  return listed.map(({ v: _v, ns: _ns, ...index }) => index);
}

/** What must hold at every moment, whatever was killed. */
async function neverWithout(): Promise<void> {
  const present = await indexes();
  const usable = present.filter(({ hidden }) => !hidden);
  const serving = (field: string) => usable.filter(({ key }) => Object.keys(key)[0] === field);
  expect(serving("r").length).toBeGreaterThan(0);
  expect(serving("c").filter(({ unique }) => unique).length).toBeGreaterThan(0);
  expect(present.find(({ name }) => name === "own")).toEqual({ name: "own", key: { own: 1 } });
  expect(present.map(({ name }) => name)).toContain("stray");
}

test(`after each of ${kills} kills at random moments the next run finishes (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const next = childrenAhead(2, kills, () => startChild(script, database.uri));
  const models = driftingModels(database.connection);
  const optimizer = new DatabaseOptimizer(database.connection, { models });
  const reached: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await seedDrift(database.connection);
    const child = await next();
    child.tell(JSON.stringify({} satisfies Assignment));
    await someMoment(child, random);
    child.kill();
    await child.exited;
    reached.push(child.printed().split("\n").length - 2);
    await neverWithout();
    await aMinutePasses(database.connection);
    const result = await optimizer.apply({ rebuild: true }, await driftingPlan(optimizer));
    expect(result).toMatchObject({ complete: true });
    await neverWithout();
    const { drift, plan } = await optimizer.plan();
    expect(drift).toMatchObject({ inSync: true, leftovers: [] });
    expect(plan.steps.map(({ kind, index }) => [kind, index])).toEqual([["finishDrop", "stray"]]);
    expect((await indexes()).find(({ name }) => name === "stray")?.hidden).toBe(true);
    expect(await openObservations(database.connection)).toMatchObject([
      { index: "stray", state: "observing" },
    ]);
    expect((await journalRuns(database.connection)).filter(({ state }) => state === "running")).toEqual([]);
  }
  // The kills fell before, between and after the steps.
  expect(Math.min(...reached)).toBe(0);
  expect(new Set(reached).size).toBeGreaterThan(steps / 2);
}, 300_000);
