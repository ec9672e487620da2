/**
 * The back end of a single-page app. It signs people in at the provider and keeps their tokens; the page in the browser has a
 * session cookie that no script reads, and nothing else.
 */
import { randomBytes } from "node:crypto";
import { parse, serialize } from "cookie";
import { type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { createLocalJWKSet, jwtVerify } from "jose";
import * as oidc from "openid-client";

const {
  ISSUER = "http://127.0.0.1:3000",
  ORIGIN = "http://127.0.0.1:3002",
  API = "http://127.0.0.1:3001",
} = process.env;
const { CLIENT_ID = "", CLIENT_SECRET = "", RESOURCE = "" } = process.env;
const isLocal = ISSUER.startsWith("http:");
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  execute: isLocal ? [oidc.allowInsecureRequests] : [],
});

/** What the browser's cookie stands for. A real app keeps it in a database. */
interface Session {
  attempt?: { state: string; verifier: string; nonce: string };
  user?: { sub: string; sid: string };
  tokens?: oidc.TokenEndpointResponse;
  expiresAt?: number;
}
const sessions = new Map<string, Session>();

const cookie = isLocal ? "app" : "__Host-app";
const idOf = (request: FastifyRequest): string => parse(request.headers.cookie ?? "")[cookie] ?? "";

/** A session under a new name, so that nobody knows it who knew the one before. */
function begin(reply: FastifyReply, former: string, session: Session): void {
  sessions.delete(former);
  const id = randomBytes(32).toString("base64url");
  sessions.set(id, session);
  const settings = { httpOnly: true, secure: !isLocal, sameSite: "lax", path: "/" } as const;
  reply.header("set-cookie", serialize(cookie, id, settings));
}

const app = fastify();
app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(String(body)))),
);

app.get("/login", async (request, reply) => {
  const attempt = {
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    verifier: oidc.randomPKCECodeVerifier(),
  };
  begin(reply, idOf(request), { attempt });
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${ORIGIN}/callback`,
    scope: "openid email notes",
    resource: RESOURCE,
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier),
    code_challenge_method: "S256",
  });
  return reply.redirect(url.href);
});

app.get("/callback", async (request, reply) => {
  const { attempt } = sessions.get(idOf(request)) ?? {};
  if (!attempt) return reply.code(400).send("This sign-in was not begun here. Start again.");
  const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url, ORIGIN), {
    pkceCodeVerifier: attempt.verifier,
    expectedState: attempt.state,
    expectedNonce: attempt.nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const user = { sub: claims?.sub ?? "", sid: String(claims?.sid) };
  begin(reply, idOf(request), { user, ...kept(tokens) });
  return reply.redirect("/");
});

const kept = (tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers) => ({
  tokens,
  expiresAt: Date.now() + (tokens.expiresIn() ?? 0) * 1_000,
});

/** An access token that is good for half a minute more; refreshed where it is not. */
async function accessTokenOf(session: Session): Promise<string> {
  const { tokens, expiresAt = 0 } = session;
  if (tokens?.refresh_token !== undefined && expiresAt < Date.now() + 30_000) {
    Object.assign(session, kept(await oidc.refreshTokenGrant(config, tokens.refresh_token)));
  }
  return session.tokens?.access_token ?? "";
}

app.get("/app/me", async (request, reply) => {
  const { user } = sessions.get(idOf(request)) ?? {};
  return user ? { sub: user.sub } : reply.code(401).send({ error: "signed_out" });
});

/** The page asks here, and never the API: the token goes no further than this process. */
app.get("/app/notes", async (request, reply) => {
  const session = sessions.get(idOf(request));
  if (!session?.user) return reply.code(401).send({ error: "signed_out" });
  const authorization = `Bearer ${await accessTokenOf(session)}`;
  const answer = await fetch(`${API}/notes`, { headers: { authorization } });
  return reply.code(answer.status).send(await answer.json());
});

app.post("/logout", async (request, reply) => {
  // A form of another site must not sign anybody out.
  if (request.headers["sec-fetch-site"] !== "same-origin") return reply.code(403).send();
  const { tokens } = sessions.get(idOf(request)) ?? {};
  sessions.delete(idOf(request));
  const hint = tokens?.id_token;
  const url = oidc.buildEndSessionUrl(config, {
    post_logout_redirect_uri: `${ORIGIN}/`,
    ...(typeof hint === "string" && { id_token_hint: hint }),
  });
  return reply.redirect(url.href, 303);
});

/** The provider says that somebody's session there has ended, whatever ended it. */
app.post<{ Body: { logout_token?: string } }>("/backchannel-logout", async (request, reply) => {
  const { jwks_uri = "" } = config.serverMetadata();
  const keys = createLocalJWKSet(await (await fetch(jwks_uri)).json());
  const { payload } = await jwtVerify(request.body.logout_token ?? "", keys, {
    issuer: ISSUER,
    audience: CLIENT_ID,
    typ: "logout+jwt",
    requiredClaims: ["events", "sid"],
  });
  for (const [id, { user }] of sessions) if (user?.sid === payload.sid) sessions.delete(id);
  return reply.header("cache-control", "no-store").send();
});

const page = `<!doctype html>
<html lang="en">
<title>Notes</title>
<p id="who">…</p>
<a href="/login">Sign in</a>
<form method="post" action="/logout"><button>Sign out</button></form>
<script>
  fetch("/app/me").then(async (answer) => {
    document.querySelector("#who").textContent = answer.ok ? "Signed in as " + (await answer.json()).sub : "Signed out";
  });
</script>
</html>`;
app.get("/", (_request, reply) => reply.type("text/html").send(page));
console.log(await app.listen({ port: Number(new URL(ORIGIN).port), host: "127.0.0.1" }));
