// What clients that nobody here wrote have run into, here and at other providers.
import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
import { issuer, useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
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

  test("is told of an assertion that was used", async () => {
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
