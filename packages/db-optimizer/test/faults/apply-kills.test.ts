import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild, type WaitingChild } from "@org/dev-kit/children";
import { type FaultRound, faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";

import type { Assignment } from "../children/applier.js";
import { seedDrift } from "../children/drifting.js";
import { aMinutePasses } from "../support.js";
import { neverWithout, nextRunFinishes } from "./drift-checks.js";

const database = useTemporaryDatabase({ label: "kills" });
const kills = faultLoop({ seed: 20_961_124 });
/** Steps of the plan. */
const steps = 8;
/** Longer than most of the steps take. */
const longestMs = 60;
/** A killed client's command may still prolong its lease after a minute: then it is waited for. */
const leaseMs = 10_000;
const script = await bundleChild(new URL("../children/applier.ts", import.meta.url));

/** A moment within any of the steps, or before the first, on a machine of whatever speed. */
async function someMoment(child: WaitingChild, { at, random }: FaultRound): Promise<void> {
  const ended = Math.floor(at * steps);
  const count = () => child.printed().match(/^done|^observing/gm)?.length ?? 0;
  while (count() < ended) await setTimeout(1);
  await setTimeout(random() * longestMs);
}

test(`after each of ${kills.planned} kills at random moments the next run finishes (seed ${kills.seed})`, async () => {
  const next = childrenAhead(2, kills.planned, () => startChild(script, database.uri));
  const reached: number[] = [];
  // The kills fell before, between and after the steps.
  const met = () => Math.min(...reached) === 0 && new Set(reached).size > steps / 2;
  for (const round of kills.rounds(met)) {
    await seedDrift(database.connection);
    const child = await next();
    child.tell(JSON.stringify({ leaseMs } satisfies Assignment));
    await someMoment(child, round);
    child.kill();
    await child.exited;
    reached.push(child.printed().split("\n").length - 2);
    await neverWithout(database.connection);
    await aMinutePasses(database.connection);
    await nextRunFinishes(database.connection);
  }
  expect(Math.min(...reached)).toBe(0);
  expect(new Set(reached).size).toBeGreaterThan(steps / 2);
});
