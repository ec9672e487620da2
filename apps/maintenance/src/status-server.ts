import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, BlockList } from "node:net";
import type { Registry } from "prom-client";
import type { Config } from "./config.js";

/** The endpoint that Prometheus scrapes and that people look at. */
export interface StatusServer {
  readonly address: string;
  close(): Promise<void>;
}

/** Sources of its answers. */
export interface StatusSources {
  readonly registry: Registry;
  /** The dashboard as HTML. */
  dashboard(): Promise<string>;
}

/** The address can't be listened on. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code = "LISTEN_FAILED";
}

/**
 * Serves the dashboard at `/`, `/metrics`, and `/health/live` for supervisors. Nothing there changes anything.
 *
 * @throws ListenError
 */
export async function serveStatus(
  sources: StatusSources,
  { metricsHost, metricsPort }: Pick<Config, "metricsHost" | "metricsPort">,
): Promise<StatusServer> {
  const server = createServer((request, response) => {
    if (isRebound(request)) response.writeHead(421, { "content-type": "text/plain" }).end(misdirected);
    else void answer(sources, request, response);
  });
  server.listen(metricsPort, metricsHost);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new ListenError(refusalOf(cause, `${metricsHost}:${metricsPort}`), { cause });
  }
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

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const misdirected = "On the loopback this is localhost, 127.0.0.1 or [::1]; no other Host is answered.\n";

/**
 * Whether a request over the loopback asks for another host: a page whose name was turned to the loopback (DNS rebinding)
 * could read with it what only this machine is to see. 421 as RFC 9110 section 15.5.20.
 */
function isRebound({ socket, headers }: IncomingMessage): boolean {
  const { localAddress = "", localFamily } = socket;
  // Every browser sends one; a probe of HTTP/1.0 need not.
  if (headers.host === undefined) return false;
  if (!loopback.check(localAddress, localFamily === "IPv6" ? "ipv6" : "ipv4")) return false;
  const name = headers.host.replace(/:\d*$/, "").toLowerCase();
  return !/^((.+\.)?localhost\.?|127(\.\d{1,3}){3}|\[::1\])$/.test(name);
}

function refusalOf(cause: unknown, address: string): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  const setting = "Set ORG_MAINTENANCE_METRICS_HOST or ORG_MAINTENANCE_METRICS_PORT";
  if (code === "EADDRINUSE")
    return `Another program listens on ${address}. ${setting}; port 0 takes a free one.`;
  if (code === "EADDRNOTAVAIL") return `This machine has no address ${address}. ${setting}.`;
  return `Cannot listen on ${address}: ${message}. ${setting}.`;
}

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

async function answer(
  { registry, dashboard }: StatusSources,
  { method = "", url = "" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const routes: Record<string, () => Promise<unknown>> = {
    "/": async () => {
      const page = await dashboard();
      response.writeHead(200, pageHeaders).end(page);
    },
    "/metrics": async () => {
      const text = await registry.metrics();
      response.writeHead(200, { "content-type": registry.contentType }).end(text);
    },
    "/health/live": async () =>
      response.writeHead(200, { "content-type": "application/json" }).end('{"status":"alive"}'),
  };
  const [path = ""] = url.split("?", 1);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) {
    response.writeHead(404).end();
    return;
  }
  // Node leaves the body out where HEAD asked.
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  try {
    await route();
  } catch {
    // The database is away; the process lives, and what it lacks is in its log.
    response.writeHead(503, { "content-type": "text/plain" }).end("the database does not answer\n");
  }
}
