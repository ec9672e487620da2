// webpack-dev-server 887, vite CVE-2025-24010: a page whose name is turned to the loopback is of the same origin as what listens
// there, and reads what asks for no login because it is on the loopback. What tells it apart is the Host that it sends.
import { request } from "node:http";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type StatusServer, serveStatus } from "../src/status-server.js";

let server: StatusServer;
beforeAll(async () => {
  const sources = { registry: new Registry(), dashboard: async () => "figures" };
  server = await serveStatus(sources, { metricsHost: "127.0.0.1", metricsPort: 0 });
});
afterAll(() => server.close());

const ask = (path: string, host: string) =>
  new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const sent = request(`${server.address}${path}`, { headers: { host } }, async (answer) => {
      const chunks: Buffer[] = await answer.toArray();
      resolve({ status: answer.statusCode, body: Buffer.concat(chunks).toString() });
    });
    sent.on("error", reject).end();
  });

test.each([
  "evil.example",
  "evil.example:9464",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "10.0.0.1",
])("Host: %s reads nothing on the loopback", async (host) => {
  for (const path of ["/", "/metrics"]) {
    const { status, body } = await ask(path, host);
    expect(status).toBe(421);
    expect(body).not.toContain("figures");
  }
});

test.each([
  "localhost",
  "LOCALHOST:9464",
  "maintenance.localhost",
  "127.0.0.1:9464",
  "127.1.2.3",
  "[::1]:9464",
])("Host: %s is of the loopback", async (host) => {
  expect(await ask("/", host)).toEqual({ status: 200, body: "figures" });
});
