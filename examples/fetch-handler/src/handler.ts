import type { Identity } from "@org/db-models";
import { identityHandlers } from "@org/fastify-identity/handlers";

type Handler = (request: Request) => Promise<Response>;

/** An application as one handler: its own routes by address, and the identity routes for the rest. */
export async function createHandler(
  identity: Identity,
): Promise<{ handle: Handler; close(): Promise<void> }> {
  const { fetch, close } = await identityHandlers({ identity, issuer: "http://localhost:3000" });
  // In Next.js each of these is `export const GET = …` of a route.ts, and `fetch.routes` those of app/v1/[...path]/route.ts.
  const routes: Record<string, Handler> = {
    "GET /me": fetch.guard("session", (_request, who) => Response.json({ user: who.userId })),
    "GET /orders": fetch.guard({ scope: "orders:read" }, (_request, who) =>
      Response.json({ ordersOf: who.userId }),
    ),
    "POST /orders": fetch.guard({ scope: "orders:write" }, async (request, who) =>
      Response.json({ ordered: await request.json(), by: who.userId }, { status: 201 }),
    ),
  };
  const handle: Handler = (request) => {
    const route = routes[`${request.method} ${new URL(request.url).pathname}`];
    return route ? route(request) : fetch.routes(request);
  };
  return { handle, close };
}
