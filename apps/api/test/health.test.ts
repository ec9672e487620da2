import { connect, createServer, type Socket } from "node:net";
import { openDatabase } from "@org/db-models";
import { afterEach, expect, test } from "vitest";
import { buildApp } from "../src/app.js";
import { defineConfig } from "../src/config.js";
import { useApi } from "./support/api.js";

const api = useApi();
const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test("live and ready while the database answers; neither is rate limited", async () => {
  const app = await api.build({ rateLimit: 1 });
  for (let i = 0; i < 3; i++) {
    expect((await app.inject("/health/live")).json()).toEqual({ status: "alive" });
    expect((await app.inject("/health/ready")).json()).toEqual({ status: "ready" });
  }
});

test("alive but not ready while it drains", async () => {
  const app = await api.build();
  app.startDraining();
  expect((await app.inject("/health/live")).statusCode).toBe(200);
  const answer = await app.inject("/health/ready");
  expect([answer.statusCode, answer.json().reason]).toEqual([503, "shutting_down"]);
  expect(answer.headers["retry-after"]).toBeDefined();
});

test("not ready within the bound, and not alive the less, when the database hangs", async () => {
  const proxy = await hangingProxy(api.uri);
  const database = await openDatabase(proxy.uri);
  const config = defineConfig({ mongodbUri: proxy.uri, readyTimeoutMs: 200, logLevel: "silent" });
  const app = await buildApp({ database, config });
  closers.push(
    () => proxy.close(),
    () => database.close(),
    () => app.close(),
  );
  expect((await app.inject("/health/ready")).statusCode).toBe(200);
  proxy.hang();
  const began = performance.now();
  const answer = await app.inject("/health/ready");
  expect([answer.statusCode, answer.json().reason]).toEqual([503, "database"]);
  expect(performance.now() - began).toBeLessThan(1_000);
  expect((await app.inject("/health/live")).statusCode).toBe(200);
});

/** A TCP proxy in front of the engine that can stop passing anything on. */
async function hangingProxy(uri: string) {
  const target = new URL(uri);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as { port: number };
  const own = new URL(uri);
  own.port = String(address.port);
  // A member of a replica set would be found by its own address.
  own.searchParams.set("directConnection", "true");
  return {
    uri: own.href,
    hang: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
