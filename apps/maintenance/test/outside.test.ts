// The service as containers, supervisors and monitors treat it. After public reports: service links of Kubernetes (n8n and
// others that did not start), louislam/uptime-kuma (HEAD), Prometheus' `params`, krallin/tini and npm/cli #4603 (signals).
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test, vi } from "vitest";
import { readConfig } from "../src/config.js";
import { children, startCommand, startProcess } from "./support/process.js";

const database = useTemporaryDatabase({ label: "maintenance_outside", per: "test" });
vi.setConfig({ testTimeout: 120_000 });

const settings = () => ({
  MONGODB_URI: database.uri,
  ORG_MAINTENANCE_METRICS_PORT: "0",
  ORG_MAINTENANCE_CLEANUP_SCHEDULE: "off",
  ORG_MAINTENANCE_HEALTH_SCHEDULE: "off",
  ORG_MAINTENANCE_DRIFT_SCHEDULE: "off",
});

type Started = ReturnType<typeof startProcess>;

async function addressOf(service: Started): Promise<string> {
  await service.says("maintenance started");
  return /"address":"([^"]+)"/.exec(service.output())?.[1] ?? "";
}

describe("variables that Kubernetes sets for a Service", () => {
  const uri = { MONGODB_URI: "mongodb://127.0.0.1/identity" };
  // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
  const links = (prefix: string) => ({
    [`${prefix}_SERVICE_HOST`]: "10.0.0.11",
    [`${prefix}_SERVICE_PORT`]: "9464",
    [`${prefix}_SERVICE_PORT_HTTP_METRICS`]: "9464",
    [`${prefix}_PORT`]: "tcp://10.0.0.11:9464",
    [`${prefix}_PORT_9464_TCP`]: "tcp://10.0.0.11:9464",
    [`${prefix}_PORT_9464_TCP_PROTO`]: "tcp",
    [`${prefix}_PORT_9464_TCP_PORT`]: "9464",
    [`${prefix}_PORT_9464_TCP_ADDR`]: "10.0.0.11",
  });

  test.each(["ORG_MAINTENANCE", "ORG_MAINTENANCE_V2"])("of the name %s are ignored", (prefix) => {
    expect(readConfig({ ...uri, ...links(prefix) })).toEqual(readConfig(uri));
  });

  test("of the name org-maintenance-metrics are not taken for the port", () => {
    expect(readConfig({ ...uri, ...links("ORG_MAINTENANCE_METRICS") }).metricsPort).toBe(9_464);
  });

  test.each([
    ["ORG_MAINTENANCE_HEALTH_SHEDULE", "off"],
    ["ORG_MAINTENANCE_PORT", "9464"],
    ["ORG_MAINTENANCE_METRIC_PORT", "9464"],
    ["ORG_MAINTENANCE_SERVICE_PORT", "off"],
  ])("a misspelt setting is still refused: %s=%s", (name, value) => {
    expect(() => readConfig({ ...uri, [name]: value })).toThrow(name);
  });
});

test("monitors ask with HEAD and with parameters; nothing else than reading is allowed", async () => {
  const address = await addressOf(startProcess([], settings()));
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`${address}${path}`, { method });
    return [response.status, (await response.text()).length > 0];
  };
  for (const path of ["/", "/metrics?collect[]=runs", "/health/live?probe=1", "/?from=mail"]) {
    expect([path, await ask(path)]).toEqual([path, [200, true]]);
    expect([path, await ask(path, "HEAD")]).toEqual([path, [200, false]]);
  }
  expect(await ask("/", "POST")).toEqual([405, false]);
  expect(await ask("/nothing")).toEqual([404, false]);
});

test("a port that is taken is said in words", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const service = startProcess([], { ...settings(), ORG_MAINTENANCE_METRICS_PORT: String(port) });
  expect((await service.exited).code).toBe(1);
  other.close();
  expect(service.output()).toMatch(/^LISTEN_FAILED: Another program listens on 127\.0\.0\.1:\d+\./m);
  expect(service.output()).not.toMatch(/\n\s+at /);
});

test("listing writes nothing", async () => {
  const listed = startProcess(["--list"], settings());
  expect((await listed.exited).code).toBe(0);
  expect(listed.output()).toContain("no runs yet");
  expect(await database.connection.listCollections()).toEqual([]);
});

describe("signals", () => {
  const descendants = (pid: number): number[] =>
    children(pid).flatMap((child) => [child, ...descendants(child)]);
  const alive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  test("npm start hands SIGTERM on and leaves no process", async () => {
    const folder = fileURLToPath(new URL("..", import.meta.url));
    const service = startCommand(["npm", "start"], { ...settings(), HOME: process.env.HOME ?? "" }, folder);
    await addressOf(service);
    const all = descendants(service.child.pid ?? 0);
    service.child.kill("SIGTERM");
    await service.exited;
    await service.says("maintenance stopped");
    while (all.some(alive)) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test("a second signal ends it at once, as the first process of a container too", async () => {
    // A run that never ends: the database's lock is held by a cleanup that waits for its window.
    const args = ["--once", "cleanup"];
    const now = new Date();
    const from = new Date(now.getTime() + 3_600_000).toISOString().slice(11, 16);
    const to = new Date(now.getTime() + 7_200_000).toISOString().slice(11, 16);
    await database.connection.collection("security_events").createIndex({ purgeAt: 1 });
    await database.connection.collection("security_events").insertOne({ purgeAt: new Date(0) });
    const env = {
      ...settings(),
      ORG_MAINTENANCE_CLEANUP_WINDOW: `${from}-${to}`,
      ORG_MAINTENANCE_SHUTDOWN_TIMEOUT_MS: "600000",
    };
    const inContainer = canUnshare() ? ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] : [];
    const service = startProcess(args, env, inContainer);
    await service.says("run started");
    const [pid] = inContainer.length > 0 ? children(service.child.pid ?? 0) : [service.child.pid];
    process.kill(pid ?? 0, "SIGSTOP");
    process.kill(pid ?? 0, "SIGTERM");
    process.kill(pid ?? 0, "SIGINT");
    process.kill(pid ?? 0, "SIGCONT");
    expect((await service.exited).code).not.toBe(0);
  });
});

function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["--pid", "--fork", "--kill-child", "--mount-proc", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
