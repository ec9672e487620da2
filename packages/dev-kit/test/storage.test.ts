import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import mongoose from "mongoose";
import { expect, inject, test } from "vitest";

import { findRunningEngine, startEngine } from "../src/index.js";
import { cachedRust, fakeEngine, fakePython, makeMachine } from "./support/machine.js";
import { answers } from "./support/processes.js";

async function machineWithRust() {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs");
  return { machine, storagePath: join(machine.root, "deep", "storage") };
}

test("without a storage path, the data goes when the engine stops", async () => {
  const { machine } = await machineWithRust();
  const engine = await machine.start();
  expect(await readdir(machine.env.TMPDIR!)).toHaveLength(1);
  await engine.stop();
  expect(await readdir(machine.env.TMPDIR!)).toEqual([]);
});

const embeddedKind = inject("engine").kind;

test.skipIf(embeddedKind === "external")(
  "the run's kind of engine keeps stored data over a restart",
  async () => {
    const { machine, storagePath } = await machineWithRust();
    const options = { storagePath, env: { ...process.env, DB_ENGINE: embeddedKind } };
    const write = await machine.start(options);
    const first = await mongoose.createConnection(write.uri).asPromise();
    await first.collection("things").insertOne({ kept: true });
    await first.close();
    await write.stop();
    expect(await answers(write.uri)).toBe(false);

    const read = await machine.start(options);
    const second = await mongoose.createConnection(read.uri).asPromise();
    expect(await second.collection("things").countDocuments({ kept: true })).toBe(1);
    await second.close();
  },
);

test("a storage path that cannot be written is refused before anything starts", async () => {
  const { machine } = await machineWithRust();
  await writeFile(join(machine.root, "file"), "");
  const storagePath = join(machine.root, "file", "storage");
  const error = await machine.start({ storagePath }).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "ENGINE_STORAGE_NOT_WRITABLE", cause: { code: "ENOTDIR" } });
  expect(error.message).toContain(storagePath);
  expect(machine.lines).toEqual([]);
});

test("a TMPDIR that cannot be written is told as such, not as a missing engine", async () => {
  const { machine } = await machineWithRust();
  machine.env.TMPDIR = join(machine.root, "nowhere");
  await expect(machine.start()).rejects.toMatchObject({ code: "ENGINE_STORAGE_NOT_WRITABLE" });
});

test("data that an otherwise sound engine cannot open is not answered with another, empty engine", async () => {
  const { machine, storagePath } = await machineWithRust();
  await fakePython(machine);
  await (await machine.start({ storagePath })).stop();
  await writeFile(join(storagePath, "secantus-rs", "poison"), "");
  const error = await machine.start({ storagePath }).catch((thrown) => thrown);
  expect(error.code).toBe("ENGINE_STORAGE_UNUSABLE");
  expect(error.message).toContain("fatal: this engine does not start");
});

test("a storage folder is opened again by the kind of engine that wrote it", async () => {
  const { machine, storagePath } = await machineWithRust();
  await (await machine.start({ storagePath })).stop();
  await fakeEngine(join(machine.bin, "mongod"), "mongod");
  expect((await machine.start()).kind).toBe("mongod");
  expect((await machine.start({ storagePath })).kind).toBe("secantus-rs");
});

test("forcing another kind on a storage folder says where the older data stays", async () => {
  const { machine, storagePath } = await machineWithRust();
  await (await machine.start({ storagePath })).stop();
  await fakePython(machine);
  machine.env.DB_ENGINE = "secantus-py";
  await machine.start({ storagePath });
  expect(machine.lines.at(-1)).toBe(
    `the data that secantus-rs wrote stays in ${join(storagePath, "secantus-rs")}; secantus-py has its own`,
  );
  expect((await stat(join(storagePath, "secantus-rs"))).isDirectory()).toBe(true);
});

test("a running engine is found by its storage path; once stopped it is not", async () => {
  const { machine, storagePath } = await machineWithRust();
  expect(await findRunningEngine(storagePath)).toBeUndefined();
  const engine = await machine.start({ storagePath });
  const found = await findRunningEngine(storagePath);
  expect(found).toMatchObject({
    uri: engine.uri,
    kind: "secantus-rs",
    owned: false,
    version: engine.version,
  });
  await found!.stop();
  expect(await answers(engine.uri)).toBe(true);
  await engine.stop();
  expect(await findRunningEngine(storagePath)).toBeUndefined();
});

test("a state file whose process number now belongs to another process is not believed", async () => {
  const { machine, storagePath } = await machineWithRust();
  const engine = await machine.start({ storagePath });
  const file = join(storagePath, "engine.json");
  const state = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...state, process: { pid: process.pid, began: "long ago" } }));
  expect(await findRunningEngine(storagePath)).toBeUndefined();
  await writeFile(file, JSON.stringify(state));
  expect(await findRunningEngine(storagePath)).toMatchObject({ uri: engine.uri });
});

test("a state file that is cut short does not stand in the way", async () => {
  const { machine, storagePath } = await machineWithRust();
  await (await machine.start({ storagePath })).stop();
  await writeFile(join(storagePath, "engine.json"), '{ "uri": "mongo');
  expect((await machine.start({ storagePath })).owned).toBe(true);
});

test("the cache folder is ~/.cache/org-db-engine, ORG_DB_ENGINE_CACHE, or the option, the later the stronger", async () => {
  const { machine } = await machineWithRust();
  machine.env.PATH = "";
  await fakeEngine(cachedRust(machine), "secantus-rs", "serve", "0.5.3-beta.196");
  const home = await makeMachine();
  await fakeEngine(cachedRust({ ...home, cache: join(home.root, ".cache", "org-db-engine") }), "secantus-rs");
  delete home.env.ORG_DB_ENGINE_CACHE;
  expect((await machine.start()).kind).toBe("secantus-rs");
  expect((await home.start()).kind).toBe("secantus-rs");
  const empty = await makeMachine();
  const chosen = await startEngine({ env: empty.env, cacheDir: machine.cache });
  await chosen.stop();
  expect(chosen.kind).toBe("secantus-rs");
});
