import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { StartContext } from "../src/engine/context.js";
import { inheritLock, withLock } from "../src/engine/lock.js";
import { identify } from "../src/engine/process-identity.js";
import { fakeCargo, fakeEngine, type Machine, makeMachine } from "./support/machine.js";
import { answers, runStarter } from "./support/processes.js";

const lockContext = (machine: Machine): StartContext => ({
  env: machine.env,
  cacheDir: machine.cache,
  log: (line) => machine.lines.push(line),
  signal: new AbortController().signal,
});

test("two processes that need the same engine build it once; the second says what it waits for", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, `while [ ! -e "${machine.root}/go" ]; do sleep 0.05; done`);
  const starters = [runStarter({ env: machine.env }), runStarter({ env: machine.env })];
  const waits = () => starters.flatMap(({ lines }) => lines.filter((line) => line.startsWith("waiting")));
  await expect.poll(waits, { timeout: 15_000 }).toHaveLength(1);
  expect(waits()[0]).toMatch(/^waiting for process \d+, building the engine since \d{4}-.+Z$/);
  await writeFile(join(machine.root, "go"), "");

  const [first, second] = await Promise.all(starters.map((starter) => starter.engine()));
  expect(first!.uri).not.toBe(second!.uri);
  const builds = (await readFile(join(machine.root, "builds"), "utf8")).trim().split("\n");
  expect(builds).toHaveLength(1);
  await Promise.all(starters.map((starter) => starter.finish()));
});

test("two processes with the same storage share one engine, which ends with its owner", async () => {
  const machine = await makeMachine();
  const storagePath = join(machine.root, "storage");
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs");
  const starters = [1, 2].map(() => runStarter({ env: machine.env, storagePath }));
  const engines = await Promise.all(starters.map((starter) => starter.engine()));
  expect(engines[0]!.uri).toBe(engines[1]!.uri);
  expect(engines.map(({ owned }) => owned).sort()).toEqual([false, true]);

  const owner = engines.findIndex(({ owned }) => owned);
  await starters[1 - owner]!.finish();
  expect(await answers(engines[0]!.uri)).toBe(true);
  await starters[owner]!.finish();
  expect(await answers(engines[0]!.uri)).toBe(false);
});

test("a process that waits for a builder takes over when the builder is killed", async () => {
  const machine = await makeMachine();
  machine.env.DB_ENGINE = "secantus-rs";
  await fakeCargo(machine, `[ -e "${machine.root}/go" ] || sleep 60`);
  const builder = runStarter({ env: machine.env });
  await builder.waitForLine(/building secantusd-rs/);
  const waiter = runStarter({ env: machine.env });
  await waiter.waitForLine(/waiting for process/);
  await writeFile(join(machine.root, "go"), "");
  await builder.kill();
  expect((await waiter.engine()).owned).toBe(true);
  await waiter.finish();
});

test.each([
  ["of a process that is dead", async () => ({ pid: 2 ** 22 + 1, began: "1" })],
  [
    "whose process number has been given to another process",
    async () => ({ pid: process.pid, began: "long ago" }),
  ],
  ["that names no process at all", async () => ({ pid: 0 })],
])("a lock %s is taken over", async (_which, holder) => {
  const machine = await makeMachine();
  const file = join(machine.cache, "a.lock");
  await writeFile(file, JSON.stringify({ ...(await holder()), token: "x", since: "2026-01-01T00:00:00Z" }));
  expect(await withLock(file, "testing", lockContext(machine), async () => "done")).toBe("done");
  expect(machine.lines).toEqual([]);
});

test("a lock file that is damaged does not block for ever", async () => {
  const machine = await makeMachine();
  const file = join(machine.cache, "a.lock");
  await writeFile(file, '{"pid":');
  expect(await withLock(file, "testing", lockContext(machine), async () => "done")).toBe("done");
});

test("however old it is, the lock of a living process is respected", async () => {
  const machine = await makeMachine();
  const file = join(machine.cache, "a.lock");
  const holder = await identify(process.pid);
  await writeFile(file, JSON.stringify({ ...holder, token: "x", since: "2026-01-01T00:00:00Z" }));
  await utimes(file, new Date(0), new Date(0));
  const signal = AbortSignal.timeout(300);
  const waiting = withLock(file, "testing", { ...lockContext(machine), signal }, async () => "stolen");
  await expect(waiting).rejects.toMatchObject({ code: "ENGINE_ABORTED" });
  expect(machine.lines).toEqual([`waiting for process ${process.pid}, testing since 2026-01-01T00:00:00Z`]);
  expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ token: "x" });
});

test("a claim on a dead process's lock that was itself left by a dead process is taken over", async () => {
  const machine = await makeMachine();
  const file = join(machine.cache, "a.lock");
  const dead = { pid: 2 ** 22 + 1, since: "2026-01-01T00:00:00Z" };
  await writeFile(file, JSON.stringify({ ...dead, token: "first" }));
  await writeFile(`${file}.after-first`, JSON.stringify({ ...dead, token: "second" }));
  expect(await withLock(file, "testing", lockContext(machine), async () => "done")).toBe("done");
  expect(await readdir(machine.cache)).toEqual([]);
});

test("a waiter that saw the dead holder too late leaves the new holder's lock alone", async () => {
  const machine = await makeMachine();
  const file = join(machine.cache, "a.lock");
  const since = "2026-01-01T00:00:00Z";
  const living = JSON.stringify({ ...(await identify(process.pid)), token: "new", since });
  await writeFile(file, living);
  const own = { pid: process.pid, token: "late", since };
  expect(await inheritLock(file, { pid: 2 ** 22 + 1, token: "dead", since }, own)).toBe(false);
  expect(await readFile(file, "utf8")).toBe(living);
  expect(await readdir(machine.cache)).toEqual(["a.lock"]);
});

test("twelve at once take a dead process's lock one after the other", async () => {
  const machine = await makeMachine();
  const file = join(machine.cache, "locks", "a.lock");
  await mkdir(join(machine.cache, "locks"));
  await writeFile(file, JSON.stringify({ pid: 2 ** 22 + 1, token: "dead", since: "2026-01-01T00:00:00Z" }));
  let inside = 0;
  let most = 0;
  const enter = () =>
    withLock(file, "testing", lockContext(machine), async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 12 }, enter));
  expect(most).toBe(1);
});
