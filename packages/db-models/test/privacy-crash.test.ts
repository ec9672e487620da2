import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, randomOf, startChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, it } from "vitest";
import {
  defineModels,
  duration,
  eraseUserData,
  type IdentityModels,
  resumeErasures,
  verifyAudit,
} from "../src/index.js";
import { createIndexes } from "./database.js";
import { after, now } from "./moment.js";
import { dumpOf, foundIn, type KnownPerson, makeKnownPerson } from "./person.js";

const temporary = useTemporaryDatabase({ label: "erase-crash" });
let models: IdentityModels;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});

const seed = Number(process.env.TEST_SEED ?? 20_960_601);
const kills = 50;
const eraser = await bundleChild(new URL("./children/eraser.ts", import.meta.url));

it(`leaves nothing of ${kills} people whose erasure was killed at a random moment (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const next = childrenAhead(3, kills + 1, () => startChild(eraser, temporary.uri));
  const people: KnownPerson[] = [];
  let wholeMs = 0;
  for (let round = 0; round <= kills; round++) {
    const person = await makeKnownPerson(models, now);
    people.push(person);
    const child = await next();
    child.tell(person.user._id.toHexString());
    await child.hasPrinted("started\n");
    const started = performance.now();
    // The first is left alone, to learn in how long a time a kill meets an erasure on this machine.
    if (round === 0) await child.hasPrinted("}\n");
    else await setTimeout(random() * wholeMs).then(child.kill);
    wholeMs ||= performance.now() - started;
    await child.exited;
  }
  const halfDone = await models.Erasure.countDocuments({ finishedAt: { $exists: false } });
  expect(halfDone).toBeGreaterThan(kills / 5);

  // The job goes on with what had begun; of what had not, nothing is known but to who asked, who asks again.
  await resumeErasures(models, after(10 * duration.minute));
  for (const { user } of people) await eraseUserData(models, { userId: user._id }, after(duration.hour));
  expect(await models.Erasure.countDocuments({ finishedAt: { $exists: false } })).toBe(0);
  while ((await resumeErasures(models, after(2 * duration.day))).length > 0);

  const dump = await dumpOf(models);
  const ids = people.map(({ user }) => user._id.toHexString());
  const traces = people.flatMap((person) => [...person.traces, ...person.secrets]);
  expect(foundIn(dump, [...traces, ...ids])).toEqual([]);
  expect(await verifyAudit(models)).toMatchObject({ intact: true, events: 2 * people.length });
});
