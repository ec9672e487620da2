import type { IncomingMessage } from "node:http";
import { fastifyPlugin } from "fastify-plugin";
import { IdentityProblem } from "../../flows/problems.js";

/**
 * Headers that stand once. Of a repeated one Node takes the first and another program the last, and a proxy would have
 * checked what this service does not use.
 */
const singletons: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "content-type",
  "origin",
  "sec-fetch-site",
  "x-api-key",
]);

/** `uri-host [ ":" port ]` (RFC 9110 section 7.2), or nothing. */
const authority = /^(\[[\da-f:.]+\]|[^\s/?#@\\[\]:"<>^`{|}]*)(:\d{0,5})?$/i;

/**
 * Refuses what RFC 9112 section 3.2 has a server refuse: a request of HTTP/1.1 without a Host, with two, or with one that
 * is none; and repeated headers that decide who asks or what was sent. The connection ends with the answer.
 */
export const strictHeaders = fastifyPlugin(
  (app, _options, done) => {
    app.addHook("onRequest", async ({ raw }, reply) => {
      const reason = repeatsSingleton(raw) ? "repeated_header" : lacksHost(raw) ? "host" : undefined;
      if (!reason) return;
      // Whatever follows on such a connection may be the rest of what somebody smuggles: it gets no answer.
      reply.header("connection", "close");
      throw new IdentityProblem("MALFORMED_REQUEST", { reason });
    });
    done();
  },
  { name: "strict-headers" },
);

function repeatsSingleton({ rawHeaders }: IncomingMessage): boolean {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? "";
    if (!singletons.has(name)) continue;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}

function lacksHost({ headers, httpVersion }: IncomingMessage): boolean {
  if (headers.host === undefined) return httpVersion === "1.1";
  return !authority.test(headers.host);
}
