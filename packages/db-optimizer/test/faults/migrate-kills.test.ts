import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, randomOf, startChild, type WaitingChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeEach, describe, expect, test } from "vitest";
import {
  contractMigration,
  type MigrationPhase,
  migrateUp,
  migrationStatus,
  rollbackMigration,
  verifyMigration,
} from "../../src/index.js";
import { boxesMigration, fillBoxes } from "../children/boxes.js";
import type { MigratorAssignment } from "../children/migrator.js";
import { aMinutePasses } from "../support.js";

const database = useTemporaryDatabase({ label: "migrate_kills" });
const seed = Number(process.env.TEST_SEED ?? 20_961_124);
const kills = 50;
const boxes = 20;
const migration = boxesMigration();
const options = { now: () => new Date(), limits: { minBatch: 20, maxBatch: 20, niceRatio: 0 } };
const script = await bundleChild(new URL("../children/migrator.ts", import.meta.url));

const all = (name: string) => database.connection.collection(name).find({}).sort({ _id: 1 }).toArray();
const up = () => migrateUp(database.connection, migration, options);
interface Box {
  _id: number;
  things: object[];
}
/** What the new layout alone has: written after reads were switched, by a process that died between its two writes. */
const fresh = { _id: 1_000, text: "new", at: new Date(1) };
let before: Box[];

beforeEach(async () => {
  await fillBoxes(database.connection, boxes);
  before = (await all("boxes")) as unknown as Box[];
});

async function expectComplete(): Promise<void> {
  expect(await verifyMigration(database.connection, migration, options)).toMatchObject({
    clean: true,
    sources: boxes,
    expected: boxes * 4,
    found: boxes * 4,
  });
}

interface Kills {
  readonly way: NonNullable<MigratorAssignment["way"]>;
  /** Before each run. */
  prepare(): Promise<unknown>;
  /** The moment to kill at. */
  moment(child: WaitingChild, random: () => number, kill: number): Promise<unknown>;
  /** After each kill: the next run, and what must hold then. */
  finish(): Promise<void>;
}

/** Kills a migration again and again; tells the phases that the kills found it in. */
async function killed({ way, prepare, moment, finish }: Kills): Promise<Set<MigrationPhase>> {
  const random = randomOf(seed);
  const next = childrenAhead(2, kills, () => startChild(script, database.uri));
  const phases = new Set<MigrationPhase>();
  for (let kill = 0; kill < kills; kill++) {
    await fillBoxes(database.connection, boxes);
    await prepare();
    const child = await next();
    child.tell(JSON.stringify({ way } satisfies MigratorAssignment));
    await moment(child, random, kill);
    child.kill();
    await child.exited;
    phases.add((await migrationStatus(database.connection, migration)).phase);
    await aMinutePasses(database.connection);
    await finish();
  }
  return phases;
}

const nothing = async () => undefined;

/** Within so many milliseconds after a child has printed this, or has ended. */
async function after(child: WaitingChild, pattern: RegExp, ms: number): Promise<void> {
  while (!pattern.test(child.printed()) && !child.printed().includes("ended")) await setTimeout(1);
  await setTimeout(ms);
}

async function switchedWithSourceUntouched(): Promise<void> {
  expect(await up()).toMatchObject({ phase: "switched", verification: { clean: true } });
  await expectComplete();
  expect(await all("boxes")).toEqual(before);
}

describe(`${kills} kills at random moments (seed ${seed})`, () => {
  test("of the backfill: the next run finishes, and the source is untouched", async () => {
    const phases = await killed({
      way: "up",
      prepare: nothing,
      moment: (child, random) =>
        after(child, new RegExp(`(reached backfill[^]*){${Math.floor(random() * 6)}}`), random() * 20),
      finish: switchedWithSourceUntouched,
    });
    expect(phases).toContain("backfill");
  }, 180_000);

  test("of the verification and the switch: the next run finishes, and the source is untouched", async () => {
    // The last is met on the slowest machine too, where 60 ms do not suffice for a switch.
    const reached = [/reached verify/, /reached switching/, /ended switched/];
    const phases = await killed({
      way: "up",
      prepare: nothing,
      moment: (child, random, kill) => after(child, reached[kill % reached.length] as RegExp, random() * 60),
      finish: switchedWithSourceUntouched,
    });
    expect([...phases]).toEqual(expect.arrayContaining(["verify", "switching", "switched"]));
  }, 180_000);

  test("of a rollback: the next run finishes, and what the new layout alone had is in the old one", async () => {
    const phases = await killed({
      way: "back",
      prepare: async () => {
        await up();
        await database.connection.collection("things").insertOne({ ...fresh, box: 3 } as never);
      },
      moment: (child, random, kill) =>
        kill % 2 ? after(child, /reached reverting/, random() * 60) : setTimeout(random() * 100),
      finish: async () => {
        const { phase } = await rollbackMigration(database.connection, migration, options);
        expect(phase).toBe("off");
        const withFresh = before.map((box) =>
          box._id === 3 ? { ...box, things: [...box.things, fresh] } : box,
        );
        expect(await all("boxes")).toEqual(withFresh);
      },
    });
    expect([...phases]).toEqual(expect.arrayContaining(["switched", "reverting"]));
  }, 180_000);

  test("of a contract: the next run finishes, the new layout has all, and the old one loses what was named", async () => {
    const phases = await killed({
      way: "end",
      prepare: up,
      moment: (child, random, kill) =>
        kill % 2 ? after(child, /reached contracting/, random() * 30) : setTimeout(random() * 60),
      finish: async () => {
        const { phase } = await contractMigration(database.connection, migration, options);
        expect(phase).toBe("contracted");
        expect(await all("boxes")).toEqual(before.map(({ things: _things, ...box }) => box));
        expect(await all("things")).toHaveLength(boxes * 3);
        expect(await all("box_labels")).toHaveLength(boxes);
      },
    });
    expect([...phases]).toEqual(expect.arrayContaining(["switched", "contracting"]));
  }, 180_000);
});
