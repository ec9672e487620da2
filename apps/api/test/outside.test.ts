// The service as containers and newcomers start it. After public reports: npm/cli #4603 and krallin/tini (signals through npm
// and as the first process), service links of Kubernetes, and a port that is taken.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { bundleChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterEach, describe, expect, test, vi } from "vitest";
import { readConfig } from "../src/config.js";
import { patient, useApi } from "./support/api.js";

vi.setConfig({ testTimeout: 120_000 });
const root = fileURLToPath(new URL("../../..", import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

function start([program = "", ...args]: readonly string[], env: Record<string, string>, cwd = root) {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...patient, ...env } });
  started.push(child);
  let output = "";
  const add = (chunk: unknown) => {
    output += String(chunk);
  };
  child.stdout.on("data", add);
  child.stderr.on("data", add);
  const exited = once(child, "exit");
  const says = async (text: RegExp) => {
    while (!text.test(output) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return text.exec(output);
  };
  return { child, exited, output: () => output, says };
}

const server = await bundleChild(new URL("../src/server.ts", import.meta.url), { whole: true });
const serve = (env: Record<string, string>) => start([process.execPath, server], env);

async function portInUse(): Promise<{ port: string; free(): void }> {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  return { port: String(port), free: () => other.close() };
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the service's process", () => {
  const api = useApi();

  test("says in words that its port is taken, and ends", async () => {
    const { port, free } = await portInUse();
    const service = serve({ MONGODB_URI: api.uri, ORG_API_PORT: port });
    expect((await service.exited)[0]).toBe(1);
    free();
    expect(service.output()).toMatch(/^LISTEN_FAILED: Another program listens on 127\.0\.0\.1:\d+ /m);
    expect(service.output()).not.toMatch(/\n\s+at /);
  });

  test("ends at once at a second signal", async () => {
    const service = serve({ MONGODB_URI: api.uri, ORG_API_PORT: "0", ORG_API_DRAIN_DELAY_MS: "100000" });
    await service.says(/listening on/);
    service.child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(service.child.exitCode).toBeNull();
    service.child.kill("SIGTERM");
    await service.exited;
  });

  test("answers the README's first requests as they are printed", async () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const commands = /```sh\n(curl[\s\S]+?)```/.exec(readme)?.[1] ?? "";
    const service = serve({ MONGODB_URI: api.uri, ORG_API_PORT: "0", ORG_API_INSECURE_COOKIES: "true" });
    const [, address = ""] = (await service.says(/listening on (http:\S+)/)) ?? [];
    const ran = start(["sh", "-ec", commands.replaceAll("http://127.0.0.1:3000", address)], {});
    expect((await ran.exited)[0]).toBe(0);
    expect(ran.output()).toMatch(/"userId":.*"token":"/s);
  });
});

/** The program behind `npm start`, without npm: it starts in a fraction of the time. */
const npmStart = await bundleChild(new URL("../../../scripts/src/start.ts", import.meta.url));

describe("npm start at the root", () => {
  // Its own data is loaded once: what makes it takes longer than all else here.
  const database = useTemporaryDatabase({ label: "npm_start" });
  const empty = useTemporaryDatabase({ label: "npm_start_empty" });

  test("ends on SIGTERM to npm and leaves no process", async () => {
    const service = start(["npm", "start"], { MONGODB_URI: database.uri, PORT: "0" });
    const [, address = ""] = (await service.says(/identity service\s+(http:\S+)/)) ?? [];
    expect((await fetch(`${address}/health/live`)).status).toBe(200);
    const all = descendants(service.child.pid ?? 0);
    expect(all.length).toBeGreaterThan(0);
    service.child.kill("SIGTERM");
    await service.exited;
    while (all.some(alive)) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  // A replica set's connection string names several hosts, and is no URL; what a newcomer sets for the service is not
  // silently ignored; and data of its own making gives it nothing to warn of.
  test("takes several hosts and the service's settings, and warns of nothing on demo data", async () => {
    const { host, pathname } = new URL(database.uri);
    const MONGODB_URI = `mongodb://${host},${host}${pathname}`;
    const service = start([process.execPath, npmStart], {
      MONGODB_URI,
      PORT: "0",
      ORG_API_SIGN_IN_RATE_LIMIT: "77",
    });
    const [, address = ""] = (await service.says(/identity service\s+(http:\S+)/)) ?? [];
    const answer = await fetch(`${address}/v1/password-reset`, { method: "POST" });
    expect(answer.headers.get("ratelimit-limit")).toBe("77");
    expect(service.output()).not.toMatch(/"level":[45]0/);
    service.child.kill("SIGTERM");
    await service.exited;
  });

  test("refuses a setting that there is not, before it starts an engine", async () => {
    const service = start([process.execPath, npmStart], { PORT: "0", ORG_API_PROT: "1" });
    expect((await service.exited)[0]).toBe(1);
    expect(service.output()).toMatch(/CONFIG_INVALID: ORG_API_PROT: no such setting/);
    expect(service.output()).not.toMatch(/engine:/);
  });

  test("ends when its port is taken, before it loads anything", async () => {
    const { port, free } = await portInUse();
    const service = start([process.execPath, npmStart], { MONGODB_URI: empty.uri, PORT: port });
    expect((await service.exited)[0]).toBe(1);
    free();
    expect(service.output()).toMatch(/PORT_TAKEN: .*PORT=3001 npm start/);
    expect(await empty.connection.listCollections()).toEqual([]);
  });
});

test.each(["ORG_API", "ORG_API_V2"])(
  "variables that Kubernetes sets for a Service are ignored: %s",
  (prefix) => {
    const uri = { MONGODB_URI: "mongodb://127.0.0.1/identity" };
    const links = {
      [`${prefix}_SERVICE_HOST`]: "10.0.0.11",
      [`${prefix}_SERVICE_PORT_HTTP`]: "80",
      [`${prefix}_PORT`]: "tcp://10.0.0.11:80",
      [`${prefix}_PORT_80_TCP`]: "tcp://10.0.0.11:80",
      [`${prefix}_PORT_80_TCP_PROTO`]: "tcp",
      [`${prefix}_PORT_80_TCP_PORT`]: "80",
      [`${prefix}_PORT_80_TCP_ADDR`]: "10.0.0.11",
    };
    expect(readConfig({ ...uri, ...links })).toEqual(readConfig(uri));
    expect(() => readConfig({ ...uri, ORG_API_PROT: "80" })).toThrow("ORG_API_PROT");
  },
);
