/** An API that takes the provider's access tokens: a JWT by its signature alone, an opaque one by asking the provider. */
import { type FastifyReply, type FastifyRequest, fastify } from "fastify";
import * as oauth from "oauth4webapi";

const { ISSUER = "http://127.0.0.1:3000", RESOURCE = "", CLIENT_ID = "", CLIENT_SECRET = "" } = process.env;
const issuer = new URL(ISSUER);
// A provider on this machine has no TLS.
const options = { [oauth.allowInsecureRequests]: issuer.protocol === "http:" };
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
const self: oauth.Client = { client_id: CLIENT_ID };
const authentication = oauth.ClientSecretBasic(CLIENT_SECRET);

interface Caller {
  readonly sub?: string | undefined;
  readonly client_id?: string | undefined;
  readonly scope?: unknown;
}

class Refused extends Error {
  constructor(
    readonly statusCode: number,
    readonly challenge: string,
  ) {
    super("the access token is missing, not valid, or not for this");
  }
}

const app = fastify();
app.setErrorHandler((error: Error, _request, reply) => {
  if (!(error instanceof Refused)) throw error;
  return reply
    .code(error.statusCode)
    .header("www-authenticate", error.challenge)
    .send({ error: error.message });
});

/** Who calls, and what they may do. */
async function callerOf(request: FastifyRequest, scope: string): Promise<Caller> {
  const [scheme = "", token = ""] = (request.headers.authorization ?? "").split(" ");
  if (token === "") throw new Refused(401, "Bearer");
  const caller = token.startsWith("ey") ? await readJwt(request) : await ask(scheme, token);
  if (String(caller.scope).split(" ").includes(scope)) return caller;
  throw new Refused(403, `Bearer error="insufficient_scope", scope="${scope}"`);
}

/** RFC 9068; a token that is bound to a key comes with a proof of it (RFC 9449). */
async function readJwt(request: FastifyRequest): Promise<Caller> {
  const headers = new Headers(request.headers as Record<string, string>);
  const asked = new Request(new URL(request.url, RESOURCE), { method: request.method, headers });
  try {
    return await oauth.validateJwtAccessToken(server, asked, RESOURCE, options);
  } catch {
    throw new Refused(401, 'Bearer error="invalid_token"');
  }
}

/** RFC 7662: what has been revoked is refused at the next request. */
async function ask(scheme: string, token: string): Promise<Caller> {
  const asked = await oauth.introspectionRequest(server, self, authentication, token, options);
  const answer = await oauth.processIntrospectionResponse(server, self, asked);
  const isBound = answer.cnf !== undefined;
  const isForUs = [answer.aud ?? []].flat().includes(RESOURCE);
  if (answer.active && isForUs && !isBound && scheme === "Bearer") return answer;
  throw new Refused(401, 'Bearer error="invalid_token"');
}

app.get("/notes", async (request: FastifyRequest, _reply: FastifyReply) => {
  const { sub, client_id } = await callerOf(request, "notes");
  return { notesOf: sub, through: client_id };
});
console.log(await app.listen({ port: Number(process.env.PORT ?? 3001), host: "127.0.0.1" }));
