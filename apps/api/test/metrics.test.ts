import { context, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { afterEach, describe, expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { createMetrics } from "../src/metrics.js";
import { ListenError, startServer } from "../src/start.js";
import { password, useApi } from "./support/api.js";

const api = useApi();
const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const settings = () => ({
  mongodbUri: api.uri,
  port: 0,
  metricsPort: 0,
  insecureCookies: true,
  logLevel: "silent" as const,
});

async function running() {
  const server = await startServer(defineConfig(settings()));
  closers.push(() => server.close());
  const { addresses, metricsAddress } = server;
  const scrape = async () => (await fetch(`${metricsAddress}/metrics`)).text();
  return { base: String(addresses[0]), metricsAddress: String(metricsAddress), scrape };
}

/** The samples of a metric: its labels and its value. */
function samples(text: string, name: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`));
  return Object.fromEntries(
    lines.map((line) => {
      const [, labels = "", value] = line.match(/\{(.*)\} (\S+)$/) ?? [];
      return [labels, Number(value)];
    }),
  );
}

describe("the metrics", () => {
  test("count sign-ins by outcome and by risk, requests by route, and time the database", async () => {
    const { base, scrape } = await running();
    const email = "ada@example.com";
    const post = (path: string, body: object) =>
      fetch(`${base}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": firefox },
        body: JSON.stringify(body),
      });
    const signIn = (given: string) => post("/v1/sessions", { identifier: email, password: given });
    await post("/v1/users", { email, password });
    expect([(await signIn(password)).status, (await signIn("wrong wrong wrong")).status]).toEqual([201, 401]);
    const text = await scrape();
    expect(samples(text, "identity_events_total")).toMatchObject({
      'action="session.opened",outcome="success"': 1,
      'action="session.opened",outcome="failure"': 1,
    });
    expect(samples(text, "identity_risk_actions_total")).toEqual({ 'action="allow",level="unscored"': 1 });
    expect(samples(text, "http_server_request_duration_seconds_count")).toMatchObject({
      'method="POST",route="/v1/sessions",status="201"': 1,
      'method="POST",route="/v1/sessions",status="401"': 1,
    });
    const commands = samples(text, "mongodb_command_duration_seconds_count");
    expect(commands['command="insert",outcome="ok"']).toBeGreaterThan(0);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
  });

  test("have no label that a client chooses", async () => {
    const { base, scrape } = await running();
    const { email } = await api.register();
    await fetch(`${base}/v1/users/nobody-${email}`);
    await fetch(`${base}/secret-path?token=secret-value`, { method: "PROPFIND" });
    await fetch(`${base}/health/live`, { headers: { "x-request-id": "secret-id" } });
    const text = await scrape();
    expect(text).not.toMatch(/secret|PROPFIND|@|nobody/);
    const counted = samples(text, "http_server_request_duration_seconds_count");
    expect(counted['method="any",route="none",status="404"']).toBe(2);
  });

  test("are on a port of their own, which has nothing else", async () => {
    const { base, metricsAddress } = await running();
    expect((await fetch(`${base}/metrics`)).status).toBe(404);
    expect((await fetch(`${metricsAddress}/v1/session`)).status).toBe(404);
    expect((await fetch(`${metricsAddress}/metrics`, { method: "POST" })).status).toBe(404);
  });

  test("are off unless a port is given; a taken one ends the start, and leaves nothing behind", async () => {
    const { metricsAddress } = await running();
    const { metricsPort: _, ...without } = settings();
    const server = await startServer(defineConfig(without));
    closers.push(() => server.close());
    expect(server.metricsAddress).toBeUndefined();
    const taken = defineConfig({ ...settings(), metricsPort: Number(new URL(metricsAddress).port) });
    await expect(startServer(taken)).rejects.toThrow(ListenError);
  });

  test("count nothing twice where two instances share a process", () => {
    const [one, other] = [createMetrics(), createMetrics()];
    expect(one.registry).not.toBe(other.registry);
  });
});

describe("an event loop that is late", () => {
  test("refuses requests with Retry-After, and is alive all the same", async () => {
    const app = await api.build({ maxEventLoopDelayMs: 20 });
    const holdUp = (ms: number) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    };
    let refused = await app.inject("/v1/session");
    for (let round = 0; round < 50 && refused.statusCode !== 503; round++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      holdUp(200);
      refused = await app.inject("/v1/session");
    }
    expect([refused.statusCode, refused.json().code, refused.json().reason]).toEqual([
      503,
      "NOT_READY",
      "overloaded",
    ]);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await app.inject("/health/live")).statusCode).toBe(200);
  });

  test("is not looked at where the setting is 0", async () => {
    const app = await api.build({ maxEventLoopDelayMs: 0 });
    expect(app.hasDecorator("memoryUsage")).toBe(false);
  });
});

describe("tracing", () => {
  test("makes a span for each request, with its route and without its query", async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.register();
    closers.push(async () => {
      await provider.shutdown();
      trace.disable();
      context.disable();
    });
    const app = await api.build({ tracing: true });
    expect((await app.inject("/v1/session?secret=1")).statusCode).toBe(401);
    const spans = exporter.getFinishedSpans();
    const request = spans.find(({ attributes }) => attributes["http.route"] === "/v1/session");
    expect(request?.attributes).toMatchObject({ "http.response.status_code": 401 });
    expect(JSON.stringify(spans.map(({ name, attributes }) => ({ name, attributes })))).not.toMatch(/secret/);
  });
});
