import type { Connection } from "mongoose";
import { expect } from "vitest";
import { DatabaseOptimizer } from "../../src/index.js";
import { journalRuns, openObservations } from "../../src/indexes/index.js";
import { driftingModels, driftingPlan } from "../children/drifting.js";

export function driftOf(connection: Connection): DatabaseOptimizer {
  connection.deleteModel(/^Thing$/);
  return new DatabaseOptimizer(connection, { models: driftingModels(connection) });
}

/** The indexes as `listIndexes` has them. */
export async function indexesOf(connection: Connection) {
  const listed = await connection.collection("things").listIndexes().toArray();
  return listed.map(({ v: _v, ns: _ns, ...index }) => index);
}

/** Invariants of the drifting models at every moment, whatever went wrong. */
export async function neverWithout(connection: Connection): Promise<void> {
  const present = await indexesOf(connection);
  const usable = present.filter(({ hidden }) => !hidden);
  const serving = (field: string) => usable.filter(({ key }) => Object.keys(key)[0] === field);
  expect(serving("r").length).toBeGreaterThan(0);
  expect(serving("c").filter(({ unique }) => unique).length).toBeGreaterThan(0);
  expect(present.find(({ name }) => name === "own")).toEqual({ name: "own", key: { own: 1 } });
  expect(present.map(({ name }) => name)).toContain("stray");
}

/** The next run brings everything in line, and only the observation of the stray index is left open. */
export async function nextRunFinishes(connection: Connection): Promise<void> {
  const optimizer = driftOf(connection);
  const options = { rebuild: true, waitMs: 20_000 };
  const result = await optimizer.apply(options, await driftingPlan(optimizer));
  expect(result).toMatchObject({ complete: true });
  await neverWithout(connection);
  const { drift, plan } = await optimizer.plan();
  expect(drift).toMatchObject({ inSync: true, leftovers: [] });
  expect(plan.steps.map(({ kind, index }) => [kind, index])).toEqual([["finishDrop", "stray"]]);
  expect((await indexesOf(connection)).find(({ name }) => name === "stray")?.hidden).toBe(true);
  expect(await openObservations(connection)).toMatchObject([{ index: "stray", state: "observing" }]);
  expect((await journalRuns(connection)).filter(({ state }) => state === "running")).toEqual([]);
}
