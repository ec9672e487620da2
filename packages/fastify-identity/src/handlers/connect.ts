import type { IncomingMessage, ServerResponse } from "node:http";
import type { LightMyRequestResponse } from "fastify";
import type { IdentityAccess } from "../access.js";
import type { RequestIdentity } from "../http/guards/guard.js";
import { type Inner, runGuard } from "./inner.js";
import { type GuardRules, guardOf } from "./rules.js";

type Next = (error?: unknown) => void;
type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** Middleware of Express, Connect and `node:http`. */
export interface Connect {
  /** Answers the plugin's routes, and leaves the others. Add it before a body parser, and at the root. */
  readonly routes: Middleware;
  /** Lets a request through that meets the requirement; the plugin answers the others. */
  guard(access: Exclude<IdentityAccess, "public">, rules?: GuardRules): Middleware;
  /** Who makes a request that a guard let through. Throws a TypeError on another one. */
  identityOf(req: IncomingMessage): RequestIdentity;
}

/** Headers of an inner answer that are of its connection, not the application's. */
const ofConnection: ReadonlySet<string> = new Set(["connection", "date", "keep-alive", "transfer-encoding"]);

export function connectHandlers(inner: Inner): Connect {
  const identities = new WeakMap<IncomingMessage, RequestIdentity>();
  return {
    routes: (req, res, next) => {
      inner.others.set(req, next);
      inner.app.routing(req, res);
    },
    guard: (access, rules) => {
      const check = guardOf(inner.app.identity, access, rules);
      return (req, res, next) => {
        const { method = "GET", headers, socket } = req;
        runGuard(inner, check, { method, headers, remoteAddress: socket.remoteAddress }).then(
          ({ answer, who }) => {
            for (const cookie of setCookiesOf(answer)) res.appendHeader("set-cookie", cookie);
            if (!who) return refuse(res, answer);
            identities.set(req, who);
            next();
          },
          next,
        );
      };
    },
    identityOf: (req) => {
      const who = identities.get(req);
      if (who) return who;
      throw new TypeError("no guard ran for this request: add guard() before its handler");
    },
  };
}

/** The cookies that an inner answer sets. */
export function setCookiesOf({ headers }: LightMyRequestResponse): string[] {
  return [headers["set-cookie"] ?? []].flat();
}

function refuse(res: ServerResponse, { statusCode, headers, rawPayload }: LightMyRequestResponse): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name === "set-cookie" || ofConnection.has(name)) continue;
    res.setHeader(name, value);
  }
  res.statusCode = statusCode;
  res.end(rawPayload);
}
