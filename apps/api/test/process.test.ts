import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { bundleChild } from "@org/dev-kit/children";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterEach, describe, expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { startServer } from "../src/start.js";
import { password, patient, useApi } from "./support/api.js";

// Only the process that is tested writes usage.
const api = useApi({ usageFlushMs: 600_000 });
const server = await bundleChild(new URL("../src/server.ts", import.meta.url), { whole: true });
const children: ChildProcessWithoutNullStreams[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, [server], {
    env: { PATH: process.env.PATH ?? "", ...patient, ...env },
  });
  children.push(child);
  const output: string[] = [];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => output.push(String(chunk)));
  const address = async () => {
    const url = () => /listening on (http:\/\/\S+)/.exec(output.join(""))?.[1];
    while (!url() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    return url() ?? "";
  };
  return { child, output, address, exited: once(child, "exit") };
}

/** Sends a request up to its body, and waits until the server has begun with it. */
async function beginRequest(url: string, body: object) {
  const headers = { "content-type": "application/json", expect: "100-continue" };
  const sent = request(url, { method: "POST", headers });
  sent.flushHeaders();
  await once(sent, "continue");
  return {
    finish: async () => {
      sent.end(JSON.stringify(body));
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      return answer.resume().statusCode;
    },
  };
}

describe("the process", () => {
  test("finishes requests under way, writes the usage and exits with 0 on SIGTERM", async () => {
    const { child, address, exited } = start({
      MONGODB_URI: api.uri,
      ORG_API_PORT: "0",
      ORG_API_USAGE_FLUSH_MS: "600000",
    });
    const url = await address();
    const person = await api.register();
    const { id, bearer } = await api.signIn(person);
    // Its session is checked with the system's clock, which is later than the tests' one.
    await api.models.UserSession.updateOne(
      { _id: id },
      { idleExpiresAt: "2100-01-01", absoluteLifetimeMs: 100 * 365 * 86_400_000 },
    );
    expect((await fetch(`${url}/v1/session`, { headers: bearer })).status).toBe(200);
    const underWay = await beginRequest(`${url}/v1/sessions`, { identifier: person.email, password });
    const began = performance.now();
    child.kill("SIGTERM");
    while ((await fetch(`${url}/health/live`).catch(() => undefined)) !== undefined) await wait(20);
    expect(await underWay.finish()).toBe(201);
    expect(await exited).toEqual([0, null]);
    // Far less than the 10 s that a connection kept alive would cost.
    expect(performance.now() - began).toBeLessThan(8_000);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    const user = await api.models.User.findById(person.id).lean();
    expect(user?.apiUsage.totals.requests).toBe(2);
  });

  test("does not wait longer than configured for a client that never finishes", async () => {
    const env = { MONGODB_URI: api.uri, ORG_API_PORT: "0", ORG_API_SHUTDOWN_TIMEOUT_MS: "300" };
    const { child, address, exited } = start(env);
    const { port, hostname } = new URL(await address());
    const slow = connect(Number(port), hostname).on("error", () => undefined);
    await once(slow, "connect");
    slow.write(
      "POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const began = performance.now();
    child.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  test.each([
    ["no setting", {}, "CONFIG_INVALID: MONGODB_URI"],
    [
      "a database that is away",
      { MONGODB_URI: "mongodb://127.0.0.1:1/x", ORG_API_DATABASE_TIMEOUT_MS: "200" },
      "DATABASE_UNREACHABLE",
    ],
  ])("with %s it says so in one line and exits with 1", async (_name, env, message) => {
    const { output, exited } = start({ ORG_API_PORT: "0", ...(env as Record<string, string>) });
    expect(await exited).toEqual([1, null]);
    expect(output.join("")).toContain(message);
    expect(output.join("").trim().split("\n")).toHaveLength(1);
  });
});

describe("a database that was not set up", () => {
  const bare = useTemporaryDatabase({ label: "bare" });

  test("is refused with the names of the rules that it lacks", async () => {
    const { output, exited } = start({ ORG_API_PORT: "0", MONGODB_URI: bare.uri });
    expect(await exited).toEqual([1, null]);
    expect(output.join("")).toMatch(
      /^DATABASE_NOT_SET_UP: .*users\.email_unique.*user_sessions\.slot_unique/,
    );
  });
});

describe("startServer", () => {
  const config = () => defineConfig({ mongodbUri: api.uri, port: 0, logLevel: "silent" });

  test("listens, and closes as often as it is told", async () => {
    const server = await startServer(config());
    expect((await fetch(`${server.addresses[0]}/health/ready`)).status).toBe(200);
    await Promise.all([server.close(), server.close()]);
    await expect(fetch(`${server.addresses[0]}/health/live`)).rejects.toThrow();
  });

  test("leaves a database open that it was given, and fails when the port is taken", async () => {
    const database = { connection: api.connection, models: api.models, close: () => api.connection.close() };
    const server = await startServer(config(), { database });
    const { port } = new URL(server.addresses[0] ?? "");
    await expect(startServer({ ...config(), port: Number(port) })).rejects.toThrow("EADDRINUSE");
    await server.close();
    expect(api.connection.readyState).toBe(1);
  });
});
