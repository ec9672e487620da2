// Faults that clients nobody here wrote have run into, here and at other providers.
import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
import { issuer, useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  credentials,
  makeClient,
  makeVisitor,
  ours,
  post,
  redeem,
  signIn,
  target,
} from "./world.js";

const setting = useIdentity();
const seconds = () => Math.floor(setting.clock.now().getTime() / 1_000);

// Source: public report zitadel#9510: Grafana reads the discovery document with a header of its own. The Fetch standard
// asks first then; pages with OpenTelemetry, Sentry or an HTTP interceptor send such headers everywhere.
test.each([
  "/.well-known/openid-configuration",
  "/.well-known/oauth-authorization-server",
  "/oauth/jwks",
  "/oauth/token",
  "/oauth/revoke",
  "/oauth/userinfo",
])("a page may send headers of its own to %s", async (url) => {
  const app = await setting.app({ oauth: true });
  const headers = {
    origin: "https://spa.example.com",
    "access-control-request-method": "GET",
    "access-control-request-headers": "authorization,traceparent,x-grafana-device-id",
  };
  const answer = await app.inject({ method: "OPTIONS", url, headers });
  expect([answer.statusCode, answer.headers["access-control-allow-origin"]]).toEqual([
    204,
    "https://spa.example.com",
  ]);
  const allowed = String(answer.headers["access-control-allow-headers"]).split(", ");
  // The wildcard does not stand for `authorization` (Fetch standard, CORS-unsafe request headers).
  expect(allowed).toEqual(expect.arrayContaining(["authorization", "*"]));
  expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
});

describe("an app whose own session is over signs somebody out", () => {
  // Source: public reports rauthy#849, okta-aspnet#155, IdentityServer4#795. GitLab's omniauth_openid_connect sends the address
  // alone. RP-Initiated Logout section 2: without a hint the user is asked; section 3: nobody is led to an address of no known app.
  test.each([
    ["names nobody", {}],
    ["shows a hint that is none", { id_token_hint: "not.a.jwt" }],
    ["names an app that is not there", { client_id: "none" }],
  ])("and %s: the person is asked, and stays here", async (_what, fields) => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const query = new URLSearchParams({ ...fields, post_logout_redirect_uri: "https://app.example.com/bye" });
    const page = ours(target(await visitor.get(`/oauth/logout?${query}`)));
    expect(page).toMatch(/^\/account\/end-session/);
    const { body } = await visitor.get(page);
    expect(body).toContain("Sign out?");
    expect(target(await visitor.post(page, { form_token: formToken(body) }))).toMatch(/^\/account\/sign-in/);
    expect((await visitor.get("/account/security")).statusCode).toBe(303);
  });
});

// RP-Initiated Logout section 2: client_id has to be the client that the hint was issued to.
test("a hint of another app than the one that is named signs nobody out", async () => {
  const app = await setting.app({ oauth: true });
  const [client, other] = [await makeClient(setting), await makeClient(setting)];
  const { visitor, email } = await makeVisitor(setting, app);
  const { code } = answerIn(await agree(visitor, email, authorizeUrl(client)));
  const { id_token } = await redeem(app, client, code);
  const query = new URLSearchParams({ id_token_hint: id_token, client_id: other.clientId });
  expect(target(await visitor.get(`/oauth/logout?${query}`))).toMatch(/^\/account\/end-session/);
  expect((await visitor.get("/account/security")).statusCode).toBe(200);
});

describe("a client that signs its assertions, and is refused", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

  async function asking(changes: Record<string, unknown>, key = privateKey) {
    const app = await setting.app({ oauth: true });
    const { clientId } = await makeClient(setting, {
      grantTypes: ["client_credentials"],
      redirectUris: [],
      scopes: ["notes"],
      clientAuthentication: "private_key_jwt",
      publicKeys: [publicKey.export({ format: "jwk" }) as never],
    });
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: issuer,
      jti: "once",
      exp: seconds() + 60,
      ...changes,
    };
    const client_assertion = await new SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(key);
    const fields = {
      grant_type: "client_credentials",
      client_assertion,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    };
    const ask = () => post(app, "/oauth/token", fields);
    return ask;
  }

  // Source: requests_oauth2client, Spring Security and Nimbus name the token endpoint, as OpenID Connect Core section 9 has it.
  test.each([
    ["the token endpoint as audience", { aud: `${issuer}/oauth/token` }, "aud has to be the issuer alone"],
    [
      "the token endpoint besides",
      { aud: [issuer, `${issuer}/oauth/token`] },
      "aud has to be the issuer alone",
    ],
    ["no jti", { jti: undefined }, "jti is missing"],
    ["a life of two hours", { exp: seconds() + 7_200 }, "exp is more than an hour from now"],
    ["an end that is past", { exp: seconds() - 60 }, "exp is missing or past"],
    ["no end", { exp: undefined }, "exp is missing or past"],
    ["another issuer", { iss: "somebody" }, "iss and sub have to be the client_id"],
    ["an nbf of tomorrow", { nbf: seconds() + 86_400 }, "nbf is not reached"],
  ])("is told why, for %s", async (_what, changes, why) => {
    const answer = await (await asking(changes))();
    expect([answer.statusCode, answer.json()]).toEqual([
      401,
      { error: "invalid_client", error_description: `the assertion is refused: ${why}` },
    ]);
  });

  test("gets to know that an assertion was used", async () => {
    const ask = await asking({});
    expect((await ask()).statusCode).toBe(200);
    expect((await ask()).json()).toEqual({
      error: "invalid_client",
      error_description: "the assertion is refused: jti was used before",
    });
  });

  test("learns nothing with the key of somebody else", async () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const answer = await (await asking({ aud: `${issuer}/oauth/token` }, other))();
    expect(answer.json().error_description).toBe("the client is unknown or has not shown who it is");
  });
});

// Source: public reports opengist#775 and cryptpad/sso#19: an app that has no more scopes to ask for leaves a space at the end.
test("a space too many in scope asks for nothing more, and refuses nothing", async () => {
  const app = await setting.app({ oauth: true });
  const client = await makeClient(setting, {
    grantTypes: ["authorization_code", "refresh_token", "client_credentials"],
  });
  const { visitor, email } = await makeVisitor(setting, app);
  const url = authorizeUrl(client, { scope: " openid  offline_access email " });
  const tokens = await redeem(app, client, answerIn(await agree(visitor, email, url)).code);
  expect(tokens.scope).toBe("email offline_access openid");
  const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token, scope: "openid " };
  expect((await post(app, "/oauth/token", { ...refresh, ...credentials(client) })).json().scope).toBe(
    "openid",
  );
  const own = { grant_type: "client_credentials", scope: "notes ", ...credentials(client) };
  expect((await post(app, "/oauth/token", own)).json().scope).toBe("notes");
});

// Source: public reports authgear#3637 and oidc-client-js#812: pages in Capacitor, Tauri and browser extensions have an origin
// whose scheme is none of the web.
test.each([
  "capacitor://localhost",
  "tauri://localhost",
  "chrome-extension://fhbjgbiflinjbdggehcddcbncdddomop",
])("a page of the origin %s reads the answers to its app", async (origin) => {
  const app = await setting.app({ oauth: true });
  const client = await makeClient(setting, { type: "public", origins: [origin] });
  const fields = { grant_type: "refresh_token", refresh_token: "none", client_id: client.clientId };
  const answer = await post(app, "/oauth/token", fields, { origin });
  expect([answer.statusCode, answer.headers["access-control-allow-origin"]]).toEqual([400, origin]);
});

test.each([
  "capacitor://localhost/",
  "capacitor://",
  "capacitor:localhost",
  "file://",
  "null",
  "*",
  "https://*.example.com",
  "capacitor://user@localhost",
  "capacitor://local host",
  "javascript://alert",
  "HTTPS://app.example.com",
  "https://app.example.com:443",
])("%s is no origin", async (origin) => {
  const client = makeClient(setting, { type: "public", origins: [origin] });
  await expect(client).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

describe("what no client means to send", () => {
  // Source: public reports logto#8990, zitadel#12278, simple-login#2755, DuendeArchive/Support#110, oidc-provider#267: status 500.
  test.each([
    ["client_id", "invalid_client"],
    ["client_secret", "invalid_client"],
    ["code", "invalid_grant"],
    ["redirect_uri", "invalid_grant"],
    ["code_verifier", "invalid_grant"],
    ["grant_type", "unsupported_grant_type"],
    ["a%00name", "invalid_grant"],
  ])("a null byte in %s is a fault of the request", async (name, error) => {
    const app = await setting.app({ oauth: true });
    const client = await makeClient(setting);
    const known = new URLSearchParams({
      grant_type: "authorization_code",
      code: "none",
      redirect_uri: "https://app.example.com/callback",
      code_verifier: "v".repeat(43),
      ...credentials(client),
    });
    known.delete(name);
    const answer = await app.inject({
      method: "POST",
      url: "/oauth/token",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      payload: `${known}&${name}=${name === "client_id" ? client.clientId : ""}%00`,
    });
    expect([answer.statusCode, answer.json().error]).toEqual([error === "invalid_client" ? 401 : 400, error]);
  });

  test.each(["%", "%zz", "%00", "a:b:c", ":", ""])(
    "nor does %j in the Basic scheme end in 500",
    async (text) => {
      const app = await setting.app({ oauth: true });
      const authorization = `Basic ${btoa(text)}`;
      const answer = await post(app, "/oauth/token", { grant_type: "client_credentials" }, { authorization });
      expect([answer.statusCode, answer.json().error]).toEqual([401, "invalid_client"]);
    },
  );

  test.each(["a%00b", "__proto__", "constructor", "$where", "a.b", "%F0%9F%94%91"])(
    "a parameter with the name %s is carried through a sign-in",
    async (name) => {
      const app = await setting.app({ oauth: true });
      const client = await makeClient(setting);
      const { visitor, email } = await makeVisitor(setting, app);
      const state = "+/=& \u0000\u00e9\u{1F511}%2B";
      const url = `${authorizeUrl(client, { state })}&${name}=1`;
      const answer = answerIn(await agree(visitor, email, url));
      expect(answer).toMatchObject({ code: expect.stringMatching(/^idc_/), state });
    },
  );

  // Source: public report openziti/ziti#2704.
  test.each([
    "application/x-www-form-urlencoded;charset=UTF-8",
    'Application/X-WWW-Form-URLencoded ; charset="utf-8"',
  ])("a form is one as %s too", async (type) => {
    const app = await setting.app({ oauth: true });
    const fields = {
      grant_type: "refresh_token",
      refresh_token: "none",
      ...credentials(await makeClient(setting)),
    };
    const answer = await post(app, "/oauth/token", fields, { "content-type": type });
    expect(answer.json().error).toBe("invalid_grant");
  });
});
