import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { HTTPMethods, InjectOptions } from "fastify";
import type { IdentityAccess } from "../access.js";
import type { RequestIdentity } from "../http/guards/guard.js";
import { setCookiesOf } from "./connect.js";
import { type Inner, runGuard } from "./inner.js";
import { type GuardRules, guardOf } from "./rules.js";

/** What a `Request` does not say. */
export interface FetchConnection {
  /** Address of the peer. Default: the loopback address, which `trustProxy` can name as a proxy. */
  readonly address?: string;
}

/** Handlers for `Request` and `Response`. */
export interface Fetch {
  /** Answers the plugin's routes, and any other address with 404. */
  routes(request: Request, connection?: FetchConnection): Promise<Response>;
  /** A handler behind a guard: it is called for a request that meets the requirement; the plugin answers the others. */
  guard<Rest extends unknown[]>(
    access: Exclude<IdentityAccess, "public">,
    handler: (request: Request, who: RequestIdentity, ...rest: Rest) => Response | Promise<Response>,
    rules?: GuardRules,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
}

export function fetchHandlers(inner: Inner): Fetch {
  return {
    routes: (request, connection = {}) => answer(inner, request, connection),
    guard: (access, handler, rules) => {
      const check = guardOf(inner.app.identity, access, rules);
      return async (request, ...rest) => {
        const { method } = request;
        const guarded = { method, headers: headersOf(request), remoteAddress: undefined };
        const { answer: inside, who } = await runGuard(inner, check, guarded);
        if (!who) return responseOf(inside.statusCode, inside.headers, bodyOf(inside.rawPayload));
        return withCookies(await handler(request, who, ...rest), setCookiesOf(inside));
      };
    },
  };
}

async function answer({ app }: Inner, request: Request, { address }: FetchConnection): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const { method, body, signal } = request;
  const inside = await app.inject({
    method: method as HTTPMethods,
    url: `${pathname}${search}`,
    headers: { ...headersOf(request), ...(body && !request.headers.has("content-length") && chunked) },
    ...(body && { payload: Readable.fromWeb(body as ReadableStream) }),
    ...(address !== undefined && { remoteAddress: address }),
    signal,
    payloadAsStream: true,
  } as InjectOptions);
  const stream = Readable.toWeb(inside.stream()) as unknown as BodyInit;
  return responseOf(inside.statusCode, inside.headers, method === "HEAD" ? null : stream);
}

const chunked = { "transfer-encoding": "chunked" };

/** The headers of a request; `Host` from its address where it has none. An absent `User-Agent` is not made up. */
function headersOf(request: Request): Record<string, string> {
  const headers: Record<string, string> = { host: new URL(request.url).host, "user-agent": "" };
  request.headers.forEach((value, name) => {
    headers[name] = value;
  });
  return headers;
}

type Headers = Readonly<Record<string, number | string | string[] | undefined>>;

function responseOf(status: number, headers: Headers, body: BodyInit | null): Response {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || ofConnection.has(name)
      ? []
      : [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  // A response of these has no body at all.
  return new Response(bodiless.has(status) ? null : body, { status, headers: pairs });
}

const ofConnection: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding"]);
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

const bodyOf = (payload: Buffer): BodyInit | null => (payload.length === 0 ? null : new Uint8Array(payload));

/** The application's response with the cookies that the guard sets; one may be immutable, such as a redirect. */
function withCookies(response: Response, cookies: readonly string[]): Response {
  if (cookies.length === 0) return response;
  const copy = new Response(response.body, response);
  for (const cookie of cookies) copy.headers.append("set-cookie", cookie);
  return copy;
}
