import type { FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import { ApiError } from "../flows/problems.js";
import { carriesOwnToken } from "./credentials.js";

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses requests that change something and that a page of another origin made a browser send, for the browser adds
 * the session cookie by itself. Signing in is included, or a page could sign its visitor in as somebody else.
 *
 * A token of ours in a header is never added by a browser, so a request with one passes. Any other `Authorization` header
 * says nothing: a browser adds what a proxy's Basic authentication asked for by itself. A request
 * with neither `Sec-Fetch-Site` nor `Origin` passes: every browser of today sends one of them, programs need not.
 */
export const sameOrigin = fastifyPlugin(
  (app, _options, done) => {
    app.addHook("onRequest", async (request) => {
      if (!safeMethods.has(request.method) && isCrossOrigin(request)) throw new ApiError("CROSS_ORIGIN");
    });
    done();
  },
  { name: "same-origin" },
);

function isCrossOrigin(request: FastifyRequest): boolean {
  if (carriesOwnToken(request)) return false;
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  const { origin } = request.headers;
  return origin !== undefined && hostOf(origin) !== request.host;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
