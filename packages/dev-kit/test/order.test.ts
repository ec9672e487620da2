import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { withAdmin } from "../src/engine/server-facts.js";
import {
  cachedRust,
  fakeCargo,
  fakeEngine,
  fakePython,
  type Machine,
  makeMachine,
} from "./support/machine.js";

const ping = (uri: string) => withAdmin(uri, 500, (admin) => admin.command({ ping: 1 }));

async function withEverything(): Promise<Machine> {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "mongod"), "mongod");
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs");
  await fakePython(machine);
  return machine;
}

test("MONGODB_URI is used, nothing is started, and stop() leaves that server alone", async () => {
  const elsewhere = await makeMachine();
  await fakeEngine(join(elsewhere.bin, "secantusd-rs"), "secantus-rs", "serve", "1.2.3");
  const server = await elsewhere.start();
  const machine = await withEverything();
  machine.env.MONGODB_URI = server.uri;

  const engine = await machine.start();
  await engine.stop();

  expect(engine).toMatchObject({ kind: "external", uri: server.uri, owned: false, version: "8.2.0" });
  expect(engine.description).toBe("secantus-rs 1.2.3 (as MongoDB 8.2.0)");
  expect(engine.capabilities).toEqual(server.capabilities);
  expect(machine.lines).toEqual([]);
  expect(await ping(server.uri)).toMatchObject({ ok: 1 });
});

test("an unreachable MONGODB_URI is an error that hides the password and starts nothing else", async () => {
  const machine = await withEverything();
  machine.env.MONGODB_URI = "mongodb://ada:s3cret@127.0.0.1:9/?serverSelectionTimeoutMS=100";
  const error = await machine.start().catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "ENGINE_EXTERNAL_UNREACHABLE" });
  expect(error.message).toContain("mongodb://***@127.0.0.1:9");
  expect(error.message).not.toContain("s3cret");
  expect(error.cause).toBeInstanceOf(Error);
});

test("an installed mongod comes before everything else", async () => {
  const machine = await withEverything();
  const engine = await machine.start();
  expect(engine).toMatchObject({ kind: "mongod", version: "8.0.1", owned: true });
  expect(engine.capabilities.collStatsPhysicalSizes).toBe(true);
});

test("MONGOMS_SYSTEM_BINARY comes before the mongod on PATH", async () => {
  const machine = await withEverything();
  machine.env.MONGOMS_SYSTEM_BINARY = await fakeEngine(
    join(machine.root, "my-mongod"),
    "mongod",
    "serve",
    "6.0.5",
  );
  expect((await machine.start()).version).toBe("6.0.5");
});

test("without mongod, secantusd-rs on PATH comes before the one in the cache", async () => {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs", "serve", "9.9.9");
  await fakeEngine(cachedRust(machine), "secantus-rs");
  expect((await machine.start()).description).toContain("9.9.9");
});

test("secantusd-rs in the cache is used without any download or build", async () => {
  const machine = await makeMachine();
  await fakeEngine(cachedRust(machine), "secantus-rs");
  await fakeCargo(machine);
  const engine = await machine.start();
  expect(engine.kind).toBe("secantus-rs");
  expect(machine.lines.join("\n")).not.toMatch(/cargo|download/);
});

test("a mongod that the library can download comes before any build", async () => {
  const machine = await makeMachine();
  await fakeCargo(machine);
  await fakePython(machine);
  const mirror = await serveMongod(machine);
  Object.assign(machine.env, { MONGOMS_DOWNLOAD_URL: mirror, MONGOMS_MD5_CHECK: "false" });
  expect((await machine.start()).kind).toBe("mongod");
});

test.each([
  ["faithful", "secantus-rs"],
  ["quick", "secantus-py"],
] as const)("with nothing installed, %s makes %s", async (prefer, kind) => {
  const machine = await makeMachine();
  await fakeCargo(machine);
  await fakePython(machine);
  const engine = await machine.start({ prefer });
  expect(engine.kind).toBe(kind);
  expect(machine.lines.filter((line) => line.includes("can download"))).toHaveLength(1);
});

test("faithful falls back to pip where cargo is missing, quick to cargo where Python is missing", async () => {
  const python = await makeMachine();
  await fakePython(python);
  expect((await python.start({ prefer: "faithful" })).kind).toBe("secantus-py");

  const cargo = await makeMachine();
  await fakeCargo(cargo);
  expect((await cargo.start({ prefer: "quick" })).kind).toBe("secantus-rs");
});

test.each([
  ["mongod", false],
  ["secantus-rs", false],
  ["secantus-py", true],
] as const)(
  "DB_ENGINE=%s is obeyed; that its plans are not MongoDB's is said: %s",
  async (kind, cautions) => {
    const machine = await withEverything();
    machine.env.DB_ENGINE = kind;
    expect((await machine.start()).kind).toBe(kind);
    expect(machine.lines.some((line) => line.includes("plans queries in its own way"))).toBe(cautions);
  },
);

test("a forced engine that cannot be had is an error, though another one could be", async () => {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "secantusd-rs"), "secantus-rs");
  machine.env.DB_ENGINE = "mongod";
  const error = await machine.start().catch((thrown) => thrown);
  expect(error.code).toBe("ENGINE_UNAVAILABLE");
  expect(error.attempts).toHaveLength(2);
});

test("an unknown DB_ENGINE is refused with the names that are known", async () => {
  const machine = await withEverything();
  machine.env.DB_ENGINE = "postgres";
  await expect(machine.start()).rejects.toMatchObject({
    code: "ENGINE_KIND_UNKNOWN",
    message: "DB_ENGINE is postgres, but must be mongod, secantus-rs, secantus-py",
  });
});

test("an installed engine that crashes is passed over, with the end of its log", async () => {
  const machine = await withEverything();
  await fakeEngine(join(machine.bin, "mongod"), "mongod", "crash");
  const engine = await machine.start();
  expect(engine.kind).toBe("secantus-rs");
  expect(machine.lines[0]).toMatch(/mongod did not start: its process ended$/);
});

test("with no way at all, the error names every step, why it failed and what fixes it", async () => {
  const machine = await makeMachine();
  await fakeEngine(join(machine.bin, "mongod"), "mongod", "crash");
  const error = await machine.start().catch((thrown) => thrown);
  expect(error).toMatchObject({ name: "DevKitError", code: "ENGINE_UNAVAILABLE" });
  const text = error.message.replaceAll(machine.root, "");
  expect(text).toContain("No database engine could be started. Any one of these is enough:");
  expect(text).toContain("1. mongod on PATH or in MONGOMS_SYSTEM_BINARY");
  expect(text).toContain("fatal: this engine does not start");
  expect(text).toContain("2. secantusd-rs on PATH or in the cache\n     failed: not on PATH; in the cache, ");
  expect(text).toContain("3. a mongod that mongodb-memory-server has cached or can download");
  expect(text).toContain("ECONNREFUSED");
  expect(text).toContain(
    "4. building secantusd-rs with cargo\n     failed: cargo is not on PATH\n     fix: install Rust",
  );
  expect(text).toContain(
    "5. installing secantusd-py with pip\n     failed: python3 or python is not on PATH",
  );
  expect(error.cause).toBe(error.attempts.at(-1).error);
});

async function serveMongod(machine: Machine): Promise<string> {
  await fakeEngine(join(machine.root, "archive", "bin", "mongod"), "mongod");
  const archive = join(machine.root, "mongodb-linux-x86_64-debian12-8.2.6.tgz");
  execFileSync("tar", ["-czf", archive, "-C", join(machine.root, "archive"), "bin"]);
  const content = await readFile(archive);
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-length": content.length }).end(content);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/mongodb-linux-x86_64-debian12-8.2.6.tgz`;
}
