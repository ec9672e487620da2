// The provider's access tokens at guarded routes.
import type { AppRegistration } from "@org/db-models";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, test } from "vitest";
import { issuer, useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  type Client,
  credentials,
  makeClient,
  makeVisitor,
  newVerifier,
  post,
} from "./world.js";

const setting = useIdentity();

const resourceServer = () =>
  setting.app({ oauth: true }, (app) => {
    const answer = (request: { identity: unknown }) => {
      const who = request.identity as { kind: string; userId?: unknown; clientId?: string };
      return { kind: who.kind, userId: who.userId && String(who.userId), clientId: who.clientId };
    };
    app.get("/notes", { config: { identity: { scope: "notes" } } }, answer);
    app.get("/machine", { config: { identity: { scope: "notes", accept: ["client"] } } }, answer);
    const stepUp = { scope: "notes", accept: ["access_token"], acr: 2, within: 300 } as const;
    app.get("/pay", { config: { identity: stepUp } }, answer);
  });

type App = Awaited<ReturnType<typeof resourceServer>>;

const scope = "openid notes";

async function tokenOf(app: App, client: Client, headers: Record<string, string> = {}, changes = {}) {
  const { visitor, email, userId } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const { code = "" } = answerIn(
    await agree(visitor, email, authorizeUrl(client, { scope, ...changes }, verifier)),
  );
  const fields = { grant_type: "authorization_code", code, code_verifier: verifier, ...credentials(client) };
  const tokens = (await post(app, "/oauth/token", fields, headers)).json();
  return { ...tokens, userId: userId.toHexString() } as { access_token: string; userId: string };
}

const get = (app: App, url: string, headers: Record<string, string>) => app.inject({ url, headers });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test.each(["opaque", "jwt"] as const)(
  "an %s token of a user passes with its scope",
  async (accessTokenFormat) => {
    const app = await resourceServer();
    const client = await makeClient(setting, { accessTokenFormat });
    const { access_token, userId } = await tokenOf(app, client);
    const answer = await get(app, "/notes", bearer(access_token));
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { kind: "access_token", userId, clientId: client.clientId },
    ]);
    const other = await makeClient(setting, { accessTokenFormat, scopes: ["openid", "notes", "email"] });
    const narrow = await tokenOf(app, other, {}, { scope: "openid" });
    const refused = await get(app, "/notes", bearer(narrow.access_token));
    expect([refused.statusCode, refused.headers["www-authenticate"]]).toEqual([
      403,
      expect.stringContaining('error="insufficient_scope"'),
    ]);
    setting.clock.advance(3_600_000);
    const late = await get(app, "/notes", bearer(access_token));
    expect([late.statusCode, late.json().code]).toEqual([401, "ACCESS_TOKEN_INVALID"]);
  },
);

test("RFC 9068 section 4: a JWT for another resource server, and one that we have not signed, are refused", async () => {
  const app = await resourceServer();
  const resource = "https://other.example.com/";
  for (const accessTokenFormat of ["opaque", "jwt"] as const) {
    const client = await makeClient(setting, { accessTokenFormat, resources: [resource] });
    const { access_token } = await tokenOf(app, client, {}, { resource });
    const answer = await get(app, "/notes", bearer(access_token));
    expect([answer.statusCode, answer.json().code]).toEqual([401, "ACCESS_TOKEN_INVALID"]);
  }
  const { privateKey } = await generateKeyPair("ES256");
  const forged = await new SignJWT({
    iss: issuer,
    aud: issuer,
    sub: "a".repeat(24),
    scope: "notes",
    jti: "a.b",
  })
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "x" })
    .setExpirationTime("1h")
    .sign(privateKey);
  expect((await get(app, "/notes", bearer(forged))).statusCode).toBe(401);
});

test("RFC 9449 section 7: a bound token takes its key's proof of this very request, once", async () => {
  const app = await resourceServer();
  const pair = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  const proof = (claims: object) =>
    new SignJWT({
      jti: crypto.randomUUID(),
      iat: Math.floor(setting.clock.now().getTime() / 1_000),
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
      .sign(pair.privateKey);
  for (const accessTokenFormat of ["opaque", "jwt"] as const) {
    const client = await makeClient(setting, { accessTokenFormat });
    const dpop = await proof({ htm: "POST", htu: `${issuer}/oauth/token` });
    const { access_token } = await tokenOf(app, client, { dpop });
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(access_token));
    const ath = Buffer.from(digest).toString("base64url");
    const at = { htm: "GET", htu: `${issuer}/notes`, ath };
    const authorization = `DPoP ${access_token}`;
    const good = { authorization, dpop: await proof(at) };
    expect((await get(app, "/notes?a=b", good)).statusCode).toBe(200);
    const wrong = [
      good,
      { authorization },
      bearer(access_token),
      { authorization, dpop: await proof({ ...at, htm: "POST" }) },
      { authorization, dpop: await proof({ ...at, htu: `${issuer}/pay` }) },
      { authorization, dpop: await proof({ ...at, ath: "a" }) },
    ];
    for (const headers of wrong) {
      const answer = await get(app, "/notes", headers);
      expect([answer.statusCode, answer.headers["www-authenticate"]]).toEqual([
        401,
        expect.stringMatching(/^DPoP /),
      ]);
    }
  }
});

test("RFC 6749 section 4.4: a token of an app that acts for itself passes only where apps are accepted", async () => {
  const app = await resourceServer();
  for (const accessTokenFormat of ["opaque", "jwt"] as const) {
    const machine = await makeClient(setting, {
      grantTypes: ["client_credentials"],
      redirectUris: [],
      accessTokenFormat,
    } as Partial<AppRegistration>);
    const fields = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
    const { access_token } = (await post(app, "/oauth/token", fields)).json();
    const answer = await get(app, "/machine", bearer(access_token));
    expect(answer.json()).toEqual({ kind: "client", clientId: machine.clientId });
    // RFC 6750 section 3: a refusal comes with a challenge.
    const refused = await get(app, "/notes", bearer(access_token));
    expect([refused.statusCode, refused.json().code]).toEqual([403, "CREDENTIAL_NOT_ACCEPTED"]);
    expect(refused.headers["www-authenticate"]).toContain('error="insufficient_scope"');
    const user = await tokenOf(app, await makeClient(setting, { accessTokenFormat }));
    expect((await get(app, "/machine", bearer(user.access_token))).statusCode).toBe(403);
  }
});

test("RFC 9470 section 3: a token whose user proved too little is told what to ask for", async () => {
  const app = await resourceServer();
  for (const accessTokenFormat of ["opaque", "jwt"] as const) {
    const client = await makeClient(setting, { accessTokenFormat });
    const { access_token } = await tokenOf(app, client);
    const answer = await get(app, "/pay", bearer(access_token));
    expect([answer.statusCode, answer.json().code]).toEqual([401, "INSUFFICIENT_USER_AUTHENTICATION"]);
    expect(answer.headers["www-authenticate"]).toBe(
      'Bearer realm="identity", error="insufficient_user_authentication", acr_values="2", max_age="300"',
    );
  }
});
