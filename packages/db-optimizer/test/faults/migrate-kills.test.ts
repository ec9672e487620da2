import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild, type WaitingChild } from "@org/dev-kit/children";
import { type FaultLoop, type FaultRound, faultLoop } from "@org/dev-kit/faults";
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
const loop = (kinds: number) => faultLoop({ seed: 20_961_124, sample: 6, kinds });
const boxes = 20;
const migration = boxesMigration();
const options = { now: () => new Date(), limits: { maxBatch: 20, maxSlowdown: Number.POSITIVE_INFINITY } };
const script = await bundleChild(new URL("../children/migrator.ts", import.meta.url));

const all = (name: string) => database.connection.collection(name).find({}).sort({ _id: 1 }).toArray();
const up = () => migrateUp(database.connection, migration, options);
interface Box {
  _id: number;
  things: object[];
}
/** Only in the new layout: written after the switch, by a process that died between its two writes. */
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
  readonly kills: FaultLoop;
  readonly way: NonNullable<MigratorAssignment["way"]>;
  /** Before each run. */
  prepare(): Promise<unknown>;
  /** The moment to kill at. */
  moment(child: WaitingChild, round: FaultRound): Promise<unknown>;
  /** After each kill: the next run, and what must hold then. */
  finish(): Promise<void>;
  /** Phases that the kills must have found it in. */
  readonly phases: readonly MigrationPhase[];
}

/** Kills a migration again and again, in each of the phases. */
async function killed({ kills, way, prepare, moment, finish, phases }: Kills): Promise<void> {
  const next = childrenAhead(2, kills.planned, () => startChild(script, database.uri));
  const seen = new Set<MigrationPhase>();
  for (const round of kills.rounds(() => phases.every((phase) => seen.has(phase)))) {
    await fillBoxes(database.connection, boxes);
    await prepare();
    const child = await next();
    child.tell(JSON.stringify({ way } satisfies MigratorAssignment));
    await moment(child, round);
    child.kill();
    await child.exited;
    seen.add((await migrationStatus(database.connection, migration)).phase);
    await aMinutePasses(database.connection);
    await finish();
  }
  expect([...seen]).toEqual(expect.arrayContaining([...phases]));
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

const [ofOneKind, ofTwoKinds, ofThreeKinds] = [loop(1), loop(2), loop(3)];

describe(`${ofOneKind.planned} kills at random moments (seed ${ofOneKind.seed})`, () => {
  test("of the backfill: the next run finishes, and the source is untouched", async () => {
    await killed({
      kills: ofOneKind,
      way: "up",
      prepare: nothing,
      moment: (child, { at, random }) =>
        after(child, new RegExp(`(reached backfill[^]*){${Math.floor(at * 6)}}`), random() * 20),
      finish: switchedWithSourceUntouched,
      phases: ["backfill"],
    });
  });

  test("of the verification and the switch: the next run finishes, and the source is untouched", async () => {
    // The last is met on the slowest machine too, where 60 ms do not suffice for a switch.
    const reached = [/reached verify/, /reached switching/, /ended switched/];
    await killed({
      kills: ofThreeKinds,
      way: "up",
      prepare: nothing,
      moment: (child, { kind, at }) => after(child, reached[kind] as RegExp, at * 60),
      finish: switchedWithSourceUntouched,
      phases: ["verify", "switching", "switched"],
    });
  });

  test("of a rollback: the next run finishes, and what the new layout alone had is in the old one", async () => {
    await killed({
      kills: ofTwoKinds,
      way: "back",
      prepare: async () => {
        await up();
        await database.connection.collection("things").insertOne({ ...fresh, box: 3 } as never);
      },
      moment: (child, { kind, at }) =>
        kind === 1 ? after(child, /reached reverting/, at * 60) : setTimeout(at * 100),
      finish: async () => {
        const { phase } = await rollbackMigration(database.connection, migration, options);
        expect(phase).toBe("off");
        const withFresh = before.map((box) =>
          box._id === 3 ? { ...box, things: [...box.things, fresh] } : box,
        );
        expect(await all("boxes")).toEqual(withFresh);
      },
      phases: ["switched", "reverting"],
    });
  });

  test("of a contract: the next run finishes, the new layout has all, and the old one loses what was named", async () => {
    await killed({
      kills: ofTwoKinds,
      way: "end",
      prepare: up,
      moment: (child, { kind, at }) =>
        kind === 1 ? after(child, /reached contracting/, at * 30) : setTimeout(at * 60),
      finish: async () => {
        const { phase } = await contractMigration(database.connection, migration, options);
        expect(phase).toBe("contracted");
        expect(await all("boxes")).toEqual(before.map(({ things: _things, ...box }) => box));
        expect(await all("things")).toHaveLength(boxes * 3);
        expect(await all("box_labels")).toHaveLength(boxes);
      },
      phases: ["switched", "contracting"],
    });
  });
});
