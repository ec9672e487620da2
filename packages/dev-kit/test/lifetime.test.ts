import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { isAlive } from "../src/engine/process-identity.js";
import { supervise } from "../src/engine/supervise.js";
import { fakeCargo, fakeEngine, makeMachine } from "./support/machine.js";
import { answers, runStarter } from "./support/processes.js";

async function machineWithRust() {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs");
  return machine;
}

test("the engine and its temporary data go when the process that started it is killed", async () => {
  const machine = await machineWithRust();
  const starter = runStarter({ env: machine.env });
  const { uri } = await starter.engine();
  expect(await answers(uri)).toBe(true);
  expect(await readdir(machine.env.TMPDIR!)).toHaveLength(1);

  await starter.kill();

  await expect.poll(() => answers(uri), { timeout: 10_000 }).toBe(false);
  await expect.poll(() => readdir(machine.env.TMPDIR!), { timeout: 10_000 }).toEqual([]);
});

test("stored data outlives the kill of the process, and the next start opens it", async () => {
  const machine = await machineWithRust();
  const storagePath = join(machine.root, "storage");
  const starter = runStarter({ env: machine.env, storagePath });
  const { uri } = await starter.engine();
  await starter.kill();
  await expect.poll(() => answers(uri), { timeout: 10_000 }).toBe(false);
  expect(await readdir(storagePath)).toContain("secantus-rs");
  expect((await machine.start({ storagePath })).owned).toBe(true);
});

test("a build ends, with its scratch files, when the process that asked for it is killed", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, "sleep 60");
  const starter = runStarter({ env: machine.env });
  await expect
    .poll(() => readFile(join(machine.root, "builds"), "utf8").catch(() => ""), { timeout: 15_000 })
    .not.toBe("");
  const cargo = Number(await readFile(join(machine.root, "builds"), "utf8"));
  expect(await isAlive({ pid: cargo })).toBe(true);

  await starter.kill();

  await expect.poll(() => isAlive({ pid: cargo }), { timeout: 10_000 }).toBe(false);
  const left = async () => (await readdir(machine.cache)).filter((name) => name.includes("building"));
  await expect.poll(left, { timeout: 10_000 }).toEqual([]);
});

test("a process that forgets to stop its engine can still end, and takes the engine along", async () => {
  const machine = await machineWithRust();
  const starter = runStarter({ env: machine.env }, "forget");
  const { uri } = await starter.engine();
  await starter.exited;
  await expect.poll(() => answers(uri), { timeout: 10_000 }).toBe(false);
});

test("stop() can be called twice at once and again later", async () => {
  const machine = await machineWithRust();
  const engine = await machine.start();
  await Promise.all([engine.stop(), engine.stop()]);
  await engine.stop();
  expect(await answers(engine.uri)).toBe(false);
});

test("stop() after the engine has died by itself ends well, and its storage can be used again", async () => {
  const machine = await machineWithRust();
  const storagePath = join(machine.root, "storage");
  const engine = await machine.start({ storagePath });
  const { process: running } = JSON.parse(await readFile(join(storagePath, "engine.json"), "utf8"));
  process.kill(running.pid, "SIGKILL");
  await expect.poll(() => answers(engine.uri)).toBe(false);
  await engine.stop();
  expect((await machine.start({ storagePath })).owned).toBe(true);
});

test("aborting while the engine starts ends it and removes its data", async () => {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs", "hang");
  const controller = new AbortController();
  const starting = machine.start({ signal: controller.signal });
  await expect.poll(() => readdir(machine.env.TMPDIR!)).toHaveLength(1);
  controller.abort(new Error("enough"));
  await expect(starting).rejects.toMatchObject({ code: "ENGINE_ABORTED", cause: { message: "enough" } });
  expect(await readdir(machine.env.TMPDIR!)).toEqual([]);
});

test("aborting while the engine is built ends the build and starts nothing else", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, "sleep 60");
  const controller = new AbortController();
  const starting = machine.start({ signal: controller.signal });
  await expect.poll(() => readFile(join(machine.root, "builds"), "utf8").catch(() => "")).not.toBe("");
  controller.abort();
  await expect(starting).rejects.toMatchObject({ code: "ENGINE_ABORTED" });
  const cargo = Number(await readFile(join(machine.root, "builds"), "utf8"));
  expect(await isAlive({ pid: cargo })).toBe(false);
  expect((await readdir(machine.cache)).filter((name) => !name.endsWith(".log"))).toEqual([]);
});

test("a signal that is aborted already starts nothing", async () => {
  const machine = await machineWithRust();
  await expect(machine.start({ signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "ENGINE_ABORTED",
  });
  expect(await readdir(machine.env.TMPDIR!)).toEqual([]);
});

async function superviseShell(script: string) {
  const folder = await mkdtemp(join(tmpdir(), "dev-kit-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const scratch = await mkdtemp(join(folder, "scratch-"));
  await writeFile(join(scratch, "data"), "");
  const logFile = join(folder, "log");
  const child = await supervise({
    command: "/bin/sh",
    args: ["-c", script],
    env: { PATH: "/usr/bin:/bin" },
    cwd: folder,
    logFile,
    removeAtEnd: [scratch],
    graceMs: 200,
  });
  await expect.poll(() => readFile(logFile, "utf8")).toContain("ready");
  return { child, folder };
}

test("a child that ignores SIGTERM is killed after the grace period, and its folder removed", async () => {
  const { child, folder } = await superviseShell('trap "" TERM; echo ready; while :; do sleep 0.1; done');
  await child.stop();
  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
  expect(await readdir(folder)).toEqual(["log"]);
});

test("a child whose supervisor was killed is stopped all the same, and its folder removed", async () => {
  const { child, folder } = await superviseShell("echo ready; sleep 60");
  const supervisor = execFileSync("ps", ["-o", "ppid=", "-p", String(child.pid)], { encoding: "utf8" });
  process.kill(Number(supervisor), "SIGKILL");
  await child.exited;
  await child.stop();
  await expect.poll(() => isAlive({ pid: child.pid })).toBe(false);
  expect(await readdir(folder)).toEqual(["log"]);
});

test("a program that does not exist is told by name", async () => {
  const spec = { args: [], env: {}, cwd: tmpdir(), logFile: "/dev/null", removeAtEnd: [], graceMs: 100 };
  await expect(supervise({ command: "/no/such/program", ...spec })).rejects.toMatchObject({
    code: "ENGINE_START_FAILED",
    message: expect.stringContaining("/no/such/program cannot be started"),
  });
});
