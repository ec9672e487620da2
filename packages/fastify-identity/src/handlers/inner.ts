import type { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, HTTPMethods, InjectOptions, LightMyRequestResponse } from "fastify";
import type { AppIdentity } from "../app-identity.js";
import { IdentityProblem } from "../flows/problems.js";
import type { RequestIdentity } from "../http/guards/guard.js";

/** A guard that runs, and what it finds. */
interface Guarded {
  readonly check: ReturnType<AppIdentity["guard"]>;
  who?: RequestIdentity;
}

/** The inner app, which answers requests and guards those that others answer. */
export interface Inner {
  readonly app: FastifyInstance;
  /** Guards the request that is injected by `act`. */
  readonly guarded: AsyncLocalStorage<Guarded>;
  /** Where a request goes on that is none of the plugin's routes. */
  readonly others: WeakMap<IncomingMessage, (error?: unknown) => void>;
}

/** Path of the route that guards; no request from outside is answered there. */
const guardPath = "/(application)";

/** Of the headers of a request these are of its body, which is the application's. */
const ofBody: ReadonlySet<string> = new Set([
  "content-length",
  "content-type",
  "content-encoding",
  "transfer-encoding",
  "expect",
]);

/** A request of the application's that is guarded. */
export interface GuardedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly remoteAddress: string | undefined;
}

/** Runs a guard for a request that the application answers; `who` is missing where the answer refuses it. */
export async function runGuard(
  { app, guarded }: Inner,
  check: Guarded["check"],
  { method, headers, remoteAddress }: GuardedRequest,
): Promise<{ answer: LightMyRequestResponse; who: RequestIdentity | undefined }> {
  const cell: Guarded = { check };
  // Awaited inside: an injection begins when it is awaited, and must find the guard then.
  const answer = await guarded.run(
    cell,
    async () =>
      await app.inject({
        method: method as HTTPMethods,
        url: guardPath,
        headers: {
          "user-agent": "",
          ...Object.fromEntries(Object.entries(headers).filter(([name]) => !ofBody.has(name))),
        },
        ...(remoteAddress !== undefined && { remoteAddress }),
      } as InjectOptions),
  );
  return { answer, who: answer.statusCode === 204 ? cell.who : undefined };
}

/** Adds the route that guards. */
export function addGuard({ app, guarded }: Inner): void {
  app.route({
    url: guardPath,
    method: app.supportedMethods as HTTPMethods[],
    config: { identity: "public" },
    onRequest: async (request, reply) => {
      const asked = guarded.getStore();
      if (!asked) throw new IdentityProblem("NOT_FOUND");
      await asked.check(request, reply);
      if (request.identity) asked.who = request.identity;
      return reply.code(204).send();
    },
    handler: async (_request, reply) => reply.code(204).send(),
  });
}
