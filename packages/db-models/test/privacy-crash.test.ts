import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, it } from "vitest";
import { verifyAudit } from "../src/audit/verify.js";
import { duration } from "../src/core/limits.js";
import { defineModels, type IdentityModels } from "../src/index.js";
import { contextAt } from "./context.js";
import { createIndexes } from "./database.js";
import { eraseUserData, resumeErasures } from "./erasing.js";
import { after, now } from "./moment.js";
import { dumpOf, foundIn, type KnownPerson, makeKnownPerson } from "./person.js";

const temporary = useTemporaryDatabase({ label: "erase-crash" });
let models: IdentityModels;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});

const kills = faultLoop({ seed: 20_960_601 });
const eraser = await bundleChild(new URL("./children/eraser.ts", import.meta.url));

it(`leaves nothing of ${kills.planned} people whose erasure was killed at a random moment (seed ${kills.seed})`, async () => {
  const next = childrenAhead(3, kills.planned + 1, () => startChild(eraser, temporary.uri));
  const people: KnownPerson[] = [];
  let wholeMs = 0;
  let halfDone = 0;
  const kill = async (killsAt?: () => Promise<unknown>) => {
    const person = await makeKnownPerson(models, now);
    people.push(person);
    const child = await next();
    child.tell(person.user._id.toHexString());
    await child.hasPrinted("started\n");
    const started = performance.now();
    if (killsAt) await killsAt().then(child.kill);
    else await child.hasPrinted("}\n");
    wholeMs ||= performance.now() - started;
    await child.exited;
    halfDone = await models.Erasure.countDocuments({ finishedAt: { $exists: false } });
  };
  // The first is left alone, to learn in how long a time a kill meets an erasure on this machine.
  await kill();
  const met = () => halfDone > kills.planned / 5;
  for (const { at } of kills.rounds(met)) await kill(() => setTimeout(at * wholeMs));
  expect(halfDone).toBeGreaterThan(kills.planned / 5);

  // The job goes on with what had begun; of what had not, nothing is known but to who asked, who asks again.
  await resumeErasures(contextAt(models, after(10 * duration.minute)));
  for (const { user } of people)
    await eraseUserData(contextAt(models, after(duration.hour)), { userId: user._id });
  expect(await models.Erasure.countDocuments({ finishedAt: { $exists: false } })).toBe(0);
  while ((await resumeErasures(contextAt(models, after(2 * duration.day)))).reports.length > 0);

  const dump = await dumpOf(models);
  const ids = people.map(({ user }) => user._id.toHexString());
  const traces = people.flatMap((person) => [...person.traces, ...person.secrets]);
  expect(foundIn(dump, [...traces, ...ids])).toEqual([]);
  expect(await verifyAudit(contextAt(models))).toMatchObject({ intact: true, events: 2 * people.length });
});
