import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild, type WaitingChild } from "@org/dev-kit/children";
import { type FaultRound, faultLoop } from "@org/dev-kit/faults";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { mongo } from "mongoose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCleanup } from "../../src/index.js";
import { listRuns } from "../../src/jobs/index.js";
import type { CleaningAssignment } from "../children/cleaner.js";
import { cleanedCollections, cleaningRules, now, seedCleaning, seedDocuments } from "../children/cleaning.js";
import { aMinutePasses } from "../support.js";

const { EJSON } = mongo.BSON;
allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "cleanup_kills" });
const kills = faultLoop({ seed: 20_961_124 });
/** Documents of each collection that its rule names, and the batches that the four rules take. */
const old = 60;
const batches = (old / 10) * cleanedCollections.length;
/** Longer than most batches take. */
const longestMs = 40;
const script = await bundleChild(new URL("../children/cleaner.ts", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cleanup-kills-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Numbered = mongo.Document & { n: number };
const withoutId = ({ _id, ...document }: mongo.Document) => document as Numbered;
const sorted = (documents: readonly mongo.Document[]) => documents.map(withoutId).sort((a, b) => a.n - b.n);
const found = async (name: string) => sorted(await database.connection.collection(name).find().toArray());
const seeded = seedDocuments(old) as Numbered[];
const [named, others] = [seeded.slice(0, old), seeded.slice(old)];

async function filed(archive: string): Promise<Numbered[]> {
  const text = await readFile(archive, "utf8").catch(() => "");
  const whole = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(Boolean);
  const byNumber = new Map(whole.map((line) => withoutId(EJSON.parse(line))).map((one) => [one.n, one]));
  return sorted([...byNumber.values()]);
}

/** Invariants that hold at every moment, whatever was killed. */
async function nothingElseTouched(archive: string): Promise<void> {
  for (const name of cleanedCollections) {
    const present = new Map((await found(name)).map((one) => [one.n, one]));
    for (const other of others) expect(present.get(other.n)).toEqual(other);
    if (name === "deleted" || name === "erased") continue;
    // Documents that left the collection are in the archive.
    const archived = name === "filed" ? await filed(archive) : await found("archive");
    const kept = new Set(archived.map(({ n }) => n));
    expect(named.filter(({ n }) => !present.has(n) && !kept.has(n))).toEqual([]);
  }
}

async function allDone(archive: string): Promise<void> {
  for (const name of ["deleted", "filed", "moved"]) expect(await found(name)).toEqual(sorted(others));
  expect(await filed(archive)).toEqual(sorted(named));
  expect(await found("archive")).toEqual(sorted(named));
  const erased = named.map(({ ip: _ip, ...one }) => ({ ...one, who: "nobody", anonymisedBy: ["erasing"] }));
  expect(await found("erased")).toEqual(sorted([...erased, ...others]));
}

/** A moment within any of the batches, or before the first, on a machine of whatever speed. */
async function someMoment(child: WaitingChild, { at, random }: FaultRound): Promise<number> {
  const reached = Math.floor(at * batches);
  const count = () => child.printed().match(/^batch/gm)?.length ?? 0;
  while (count() < reached && !child.printed().includes("ended")) await setTimeout(1);
  await setTimeout(random() * longestMs);
  return count();
}

test(`after each of ${kills.planned} kills at random moments the next run finishes, and nothing else was touched (seed ${kills.seed})`, async () => {
  const archive = join(folder, "filed.ndjson");
  const next = childrenAhead(2, kills.planned, () => startChild(script, database.uri));
  const reached: number[] = [];
  let resumed = 0;
  // The kills fell before, between and after the batches, and in all the rules.
  const met = () =>
    Math.min(...reached) < 3 && Math.max(...reached) > batches * 0.75 && resumed > reached.length / 2;
  for (const round of kills.rounds(met)) {
    await seedCleaning(database.connection, archive, old);
    const child = await next();
    child.tell(JSON.stringify({ archive } satisfies CleaningAssignment));
    reached.push(await someMoment(child, round));
    child.kill();
    await child.exited;
    await nothingElseTouched(archive);
    await aMinutePasses(database.connection);
    const [killed] = await listRuns(database.connection, { jobs: ["cleanup"], limit: 1 });
    const wasAtWork = killed?.reason === "process_lost" && killed.steps.some(({ batches }) => batches > 0);
    const report = await runCleanup(database.connection, cleaningRules(archive), {
      now,
      run: true,
      limits: { maxSlowdown: Number.POSITIVE_INFINITY },
    });
    resumed += Number(wasAtWork);
    expect(report).toMatchObject({ resumed: wasAtWork, stopped: false });
    await allDone(archive);
    const [last, ...before] = await listRuns(database.connection, { jobs: ["cleanup"], limit: 100 });
    expect(last).toMatchObject({ _id: report.runId, state: "succeeded" });
    expect(before.filter(({ state }) => state !== "succeeded")).toEqual([]);
  }
  expect(Math.min(...reached)).toBeLessThan(3);
  expect(resumed).toBeGreaterThan(reached.length / 2);
  expect(Math.max(...reached)).toBeGreaterThan(batches * 0.75);
});
