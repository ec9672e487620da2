import type { FastifyRequest } from "fastify";
import { IdentityProblem } from "../../flows/problems.js";
import type { Service } from "../../service.js";
import { carriesOwnToken } from "./credentials.js";

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses a request that changes something, or opens a WebSocket, and that a page of another origin made a browser send, for
 * the browser adds the session cookie by itself. A WebSocket's handshake is a GET, and no CORS keeps that page from what
 * comes through it (RFC 6455 section 10.2).
 *
 * A token of ours in a header is never added by a browser, so a request with one passes. Any other `Authorization` header
 * says nothing: a browser adds what a proxy's Basic authentication asked for by itself. A request with neither
 * `Sec-Fetch-Site` nor `Origin` passes: every browser of today sends one of them, programs need not.
 *
 * @throws IdentityProblem `CROSS_ORIGIN`
 */
export function refuseCrossOrigin(service: Service, request: FastifyRequest): void {
  const isSafe = safeMethods.has(request.method) && !opensWebSocket(request);
  if (!isSafe && isCrossOrigin(service, request)) {
    throw new IdentityProblem("CROSS_ORIGIN");
  }
}

function opensWebSocket({ headers: { upgrade = "" } }: FastifyRequest): boolean {
  return upgrade.split(",").some((protocol) => /^websocket(\/|$)/i.test(protocol.trim()));
}

function isCrossOrigin(service: Service, request: FastifyRequest): boolean {
  if (carriesOwnToken(service, request)) return false;
  const { settings } = service;
  const { origin, "sec-fetch-site": site } = request.headers;
  if (origin !== undefined && settings.trustedOrigins.includes(origin)) return false;
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  if (origin === undefined || origin === settings.issuer) return false;
  return hostOf(origin) !== request.host;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
