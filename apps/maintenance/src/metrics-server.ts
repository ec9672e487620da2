import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Config } from "./config.js";

/** The endpoint that Prometheus scrapes. */
export interface MetricsServer {
  readonly address: string;
  close(): Promise<void>;
}

/** Serves `/metrics`, and `/health/live` for supervisors. */
export async function serveMetrics(
  registry: Registry,
  { metricsHost, metricsPort }: Pick<Config, "metricsHost" | "metricsPort">,
): Promise<MetricsServer> {
  const server = createServer((request, response) => void answer(registry, request, response));
  server.listen(metricsPort, metricsHost);
  await once(server, "listening");
  const { address, family, port } = server.address() as AddressInfo;
  return {
    address: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answer(registry: Registry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === "GET" && request.url === "/metrics") {
    response.writeHead(200, { "content-type": registry.contentType });
    response.end(await registry.metrics());
  } else if (request.method === "GET" && request.url === "/health/live") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"status":"alive"}');
  } else {
    response.writeHead(404).end();
  }
}
