import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import {
  cachedPython,
  cachedRust,
  fakeCargo,
  fakeEngine,
  fakePython,
  makeMachine,
} from "./support/machine.js";

const countLines = async (file: string) =>
  (await readFile(file, "utf8").catch(() => "")).split("\n").filter(Boolean).length;

async function machineWithCargo() {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine);
  return { machine, builds: () => countLines(join(machine.root, "builds")) };
}

test("a built engine is cached: the second start builds nothing, and nothing else stays in the cache", async () => {
  const { machine, builds } = await machineWithCargo();
  await (await machine.start()).stop();
  await machine.start();
  expect(await builds()).toBe(1);
  expect(await readdir(machine.cache)).toEqual(["0.5.3-beta.196"]);
});

test("a truncated binary in the cache is replaced", async () => {
  const { machine, builds } = await machineWithCargo();
  await (await machine.start()).stop();
  await writeFile(cachedRust(machine), "\x7fELF");
  expect((await machine.start()).kind).toBe("secantus-rs");
  expect(await builds()).toBe(2);
});

test("a binary that cannot be executed is replaced", async () => {
  const { machine, builds } = await machineWithCargo();
  await mkdir(join(cachedRust(machine), ".."), { recursive: true });
  await writeFile(cachedRust(machine), "", { mode: 0o644 });
  expect((await machine.start()).kind).toBe("secantus-rs");
  expect(await builds()).toBe(1);
});

test("a binary of another version in the cache is replaced", async () => {
  const { machine, builds } = await machineWithCargo();
  await fakeEngine(cachedRust(machine), "secantus-rs", "serve", "0.0.1");
  expect((await machine.start()).description).toContain("0.5.3-beta.196");
  expect(await builds()).toBe(1);
});

test("a binary that tells its version but does not start is replaced", async () => {
  const { machine, builds } = await machineWithCargo();
  await fakeEngine(cachedRust(machine), "secantus-rs", "crash");
  expect((await machine.start()).kind).toBe("secantus-rs");
  expect(await builds()).toBe(1);
  expect(machine.lines).toContain("the cached secantus-rs does not start: making it again");
});

test("what a crashed build left behind is removed by the next one", async () => {
  const { machine } = await machineWithCargo();
  await mkdir(join(machine.cache, "0.5.3-beta.196.building-1", "target"), { recursive: true });
  await machine.start();
  expect(await readdir(machine.cache)).toEqual(["0.5.3-beta.196"]);
});

test("a virtual environment with files missing is made again", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-py";
  await fakePython(machine);
  await (await machine.start()).stop();
  await rm(join(cachedPython(machine), "bin", "secantusd-py"));
  expect((await machine.start()).kind).toBe("secantus-py");
  expect(await countLines(join(machine.root, "installs"))).toBe(2);
});

test("a virtual environment that looks whole but does not start is made again", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-py";
  await fakePython(machine);
  await (await machine.start()).stop();
  await fakeEngine(join(cachedPython(machine), "bin", "python"), "secantus-py", "crash");
  expect((await machine.start()).kind).toBe("secantus-py");
  expect(await countLines(join(machine.root, "installs"))).toBe(2);
});

test("a failed build tells its last lines, keeps its log and names it, and leaves no half entry", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, 'mkdir -p "$root/bin"; echo "error: linking with cc failed"; exit 101');
  const error = await machine.start().catch((thrown) => thrown);
  const log = join(machine.cache, "0.5.3-beta.196.log");
  expect(error.message).toContain("cargo exited with 101");
  expect(error.message).toContain("error: linking with cc failed");
  expect(error.message).toContain(`The whole log is in ${log}`);
  expect(await readFile(log, "utf8")).toContain("Compiling fake");
  expect(await readdir(machine.cache)).toEqual(["0.5.3-beta.196.log"]);
});

test("a build that ends well but installs no working server is an error, not an engine", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, 'mkdir -p "$root/bin"; echo broken >"$root/bin/secantusd-rs"; exit 0');
  const error = await machine.start().catch((thrown) => thrown);
  expect(error.attempts.at(-1).error).toMatchObject({ code: "ENGINE_CACHE_BROKEN" });
});

test("a cache folder that cannot be written fails the steps that need it, with the reason", async () => {
  const { machine } = await machineWithCargo();
  await fakePython(machine);
  delete machine.env.DB_ENGINE;
  await writeFile(join(machine.root, "file"), "");
  machine.env.ORG_DB_ENGINE_CACHE = join(machine.root, "file", "cache");
  const error = await machine.start().catch((thrown) => thrown);
  expect(error.code).toBe("ENGINE_UNAVAILABLE");
  expect(error.attempts.at(-1).error).toMatchObject({ code: "ENGINE_CACHE_NOT_WRITABLE" });
  expect(error.attempts.at(-1).fix).toContain("ORG_DB_ENGINE_CACHE");
});

test("cargo gets a target folder of its own, which is gone afterwards", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, `echo "$CARGO_TARGET_DIR" >"${machine.root}/target-dir"`);
  await machine.start();
  const target = (await readFile(join(machine.root, "target-dir"), "utf8")).trim();
  expect(target.startsWith(machine.cache)).toBe(true);
  await expect(access(target)).rejects.toMatchObject({ code: "ENOENT" });
});
