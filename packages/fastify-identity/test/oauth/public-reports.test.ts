// Cases from public reports about other providers, and from the words of the standards.
import { generateKeyPairSync } from "node:crypto";
import { fastify } from "fastify";
import { exportJWK, SignJWT } from "jose";
import type { Types } from "mongoose";
import { describe, expect, onTestFinished, test } from "vitest";
import { identityPlugin } from "../../src/index.js";
import { isClosedAddress } from "../../src/oauth/post-form.js";
import { issuer, useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  credentials,
  makeClient,
  makeVisitor,
  newVerifier,
  post,
  redirectUri,
} from "./world.js";

const setting = useIdentity();
const seconds = () => Math.floor(setting.clock.now().getTime() / 1_000);
const machine = { grantTypes: ["client_credentials" as const], redirectUris: [], scopes: ["notes"] };

// RFC 7662 section 2.2: introspection says of a token what the token says of itself.
test.each(["opaque", "jwt"] as const)(
  "an %s token that names no resource is for the provider's own audience, at introspection too",
  async (accessTokenFormat) => {
    const app = await setting.app({ oauth: { audience: "https://api.example.com" } });
    const client = await makeClient(setting, { ...machine, accessTokenFormat });
    const fields = { grant_type: "client_credentials", ...credentials(client) };
    const { access_token: token } = (await post(app, "/oauth/token", fields)).json();
    for (const [serves, active] of [
      ["https://api.example.com", true],
      ["https://other.example.com", false],
    ] as const) {
      const server = await makeClient(setting, { ...machine, serves: [serves] });
      const answer = await post(app, "/oauth/introspect", { token, ...credentials(server) });
      expect(answer.json()).toMatchObject({ active, ...(active && { aud: serves }) });
    }
    const own = await post(app, "/oauth/introspect", { token, ...credentials(client) });
    expect(own.json()).toMatchObject({ active: true, aud: "https://api.example.com" });
  },
);

test("an algorithm of id_tokens that the provider has not is refused before anything is used up", async () => {
  const client = await makeClient(setting, { idTokenAlgorithm: "EdDSA" });
  const able = await setting.app({ oauth: { algorithms: ["RS256", "EdDSA"] } });
  const { visitor, email } = await makeVisitor(setting, able);
  const verifier = newVerifier();
  const { code = "" } = answerIn(await agree(visitor, email, authorizeUrl(client, {}, verifier)));
  const exchange = {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...credentials(client),
  };
  const unable = await setting.app({ oauth: true });
  expect((await post(unable, "/oauth/token", exchange)).json().error).toBe("unauthorized_client");
  const asked = await unable.inject(authorizeUrl(client));
  expect(asked.headers.location).toContain("error=unauthorized_client");
  expect((await post(able, "/oauth/token", exchange)).statusCode).toBe(200);
});

// RFC 7518 section 3.1: one RSA key serves RS256 and PS256 alike, unless its JWK names one of them.
test("private_key_jwt: an RSA key signs by each algorithm that metadata names for it", async () => {
  const app = await setting.app({ oauth: true });
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const jwk = publicKey.export({ format: "jwk" });
  let count = 0;
  const statusOf = async (named: object, alg: string) => {
    const client = await makeClient(setting, {
      ...machine,
      clientAuthentication: "private_key_jwt",
      publicKeys: [{ ...jwk, ...named } as never],
    });
    const claims = {
      iss: client.clientId,
      sub: client.clientId,
      aud: issuer,
      jti: `a${count++}`,
      exp: seconds() + 60,
    };
    const assertion = await new SignJWT(claims).setProtectedHeader({ alg }).sign(privateKey);
    const answer = await post(app, "/oauth/token", {
      grant_type: "client_credentials",
      client_assertion: assertion,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    });
    return answer.statusCode;
  };
  expect(await statusOf({}, "RS256")).toBe(200);
  expect(await statusOf({}, "PS256")).toBe(200);
  expect(await statusOf({ alg: "PS256" }, "PS256")).toBe(200);
  expect(await statusOf({ alg: "PS256" }, "RS256")).toBe(401);
  expect(await statusOf({}, "PS512")).toBe(401);
});

// Fetch standard: a page that can't read why it was refused can't wait as long as Retry-After says.
test("a page reads refusals that come before its client is known; preflights and keys are not counted", async () => {
  const app = await setting.app({ oauth: true, rateLimit: { requests: 5, passwords: 5 } });
  const origin = "https://spa.example.com";
  const ask = (method: "POST" | "OPTIONS" | "GET", url: string) =>
    app.inject({
      method,
      url,
      headers: { origin, "content-type": "application/json" },
      ...(method === "POST" && { payload: "{}" }),
    });
  for (let at = 0; at < 20; at++) {
    expect((await ask("OPTIONS", "/oauth/token")).statusCode).toBe(204);
    expect((await ask("GET", "/oauth/jwks")).statusCode).toBe(200);
  }
  const statuses = [];
  for (let at = 0; at < 7; at++) {
    const { statusCode, headers } = await ask("POST", "/oauth/token");
    statuses.push(statusCode);
    expect(headers["access-control-allow-origin"]).toBe(origin);
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  }
  expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429]);
});

// OpenID Connect RP-Initiated Logout section 3.1 with RFC 8252 section 7.3.
test("after a sign-out a native app gets its answer at the port that it listens on", async () => {
  const app = await setting.app({ oauth: true });
  const client = await makeClient(setting, {
    type: "public",
    postLogoutRedirectUris: ["http://127.0.0.1/bye", "https://app.example.com/bye"],
  });
  const leave = async (address: string) => {
    const query = new URLSearchParams({ client_id: client.clientId, post_logout_redirect_uri: address });
    const { statusCode, headers } = await app.inject(`/oauth/logout?${query}`);
    return [statusCode, headers.location];
  };
  expect(await leave("http://127.0.0.1:51004/bye")).toEqual([303, "http://127.0.0.1:51004/bye"]);
  expect(await leave("http://127.0.0.1:51004/other")).toEqual([400, undefined]);
  expect(await leave("https://app.example.com:444/bye")).toEqual([400, undefined]);
});

// RFC 9449 section 4.3: htu is compared after normalisation by syntax (RFC 3986 section 6.2.2).
test("DPoP: an address with needless escapes is the same address", async () => {
  const app = await setting.app({ oauth: true });
  const client = await makeClient(setting, machine);
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = await exportJWK(publicKey);
  const ask = async (htu: string) => {
    const claims = { htm: "POST", htu, jti: htu, iat: seconds() };
    const proof = await new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk } as never)
      .sign(privateKey);
    const fields = { grant_type: "client_credentials", ...credentials(client) };
    return (await post(app, "/oauth/token", fields, { dpop: proof })).statusCode;
  };
  expect(await ask(`${issuer}/oauth/%74oken`)).toBe(200);
  expect(await ask(`${issuer.replace("https", "HTTPS")}:443/oauth/token`)).toBe(200);
  expect(await ask(`${issuer}/oauth/token%2F`)).toBe(400);
});

// RFC 6749 section 2.3.1: a client with an empty secret may send it or leave it out.
test.each([
  ["Basic with an empty password", (id: string) => ({ authorization: `Basic ${btoa(`${id}:`)}` }), {}],
  ["an empty parameter", () => ({}), { client_secret: "" }],
])("a public client by %s", async (_what, headers, more) => {
  const app = await setting.app({ oauth: true });
  const open = await makeClient(setting, { type: "public" });
  const named = Object.keys(more).length > 0 ? { client_id: open.clientId, ...more } : {};
  const fields = { grant_type: "refresh_token", refresh_token: "none", ...named };
  const answer = await post(app, "/oauth/token", fields, headers(open.clientId));
  expect(answer.json().error).toBe("invalid_grant");
});

test("private networks are closed by their 6to4 addresses, and site-local ones are", () => {
  for (const closed of ["2002:7f00:1::", "2002:a01:203::1", "2002:c0a8:1::", "2002:a9fe:a9fe::1", "fec0::1"])
    expect([closed, isClosedAddress(closed)]).toEqual([closed, true]);
  expect(isClosedAddress("2002:101:101::1")).toBe(false);
});

test("an app without an owner is not registered", async () => {
  const client = makeClient(setting, { ownerId: undefined as unknown as Types.ObjectId });
  await expect(client).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

// Clients look for the metadata at the origin's root (RFC 8414 section 3.1), which a prefix of Fastify is not.
test("metadata that clients look for outside the app is warned of", async () => {
  const warnings: object[] = [];
  const stream = { write: (line: string) => void warnings.push(JSON.parse(line)) };
  const app = fastify({ logger: { level: "warn", stream } });
  onTestFinished(() => app.close());
  await app.register(async (scope) => scope.register(identityPlugin, setting.options({ oauth: true })), {
    prefix: "/id",
  });
  await app.ready();
  expect(warnings).toContainEqual(
    expect.objectContaining({
      paths: ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"],
      prefix: "/id",
    }),
  );
  expect((await app.inject("/id/oauth/jwks")).json()).toHaveProperty("keys");
});

describe("what an account has given, once it is not active", () => {
  // Source: public report concretecms#13091: tokens and codes of a deactivated user went on.
  test.each(["opaque", "jwt"] as const)(
    "an app's %s tokens, refresh token and code are good for nothing",
    async (accessTokenFormat) => {
      const app = await setting.app({ oauth: true });
      const client = await makeClient(setting, { accessTokenFormat });
      const { visitor, email, userId } = await makeVisitor(setting, app);
      const verifiers = [newVerifier(), newVerifier()];
      const codes: string[] = [];
      for (const verifier of verifiers) {
        const url = authorizeUrl(client, { scope: "openid offline_access", prompt: "consent" }, verifier);
        codes.push(answerIn(await agree(visitor, email, url)).code ?? "");
      }
      const exchange = (at: number) =>
        post(app, "/oauth/token", {
          grant_type: "authorization_code",
          code: codes[at] ?? "",
          redirect_uri: redirectUri,
          code_verifier: verifiers[at] ?? "",
          ...credentials(client),
        });
      const { access_token, refresh_token } = (await exchange(0)).json();
      const info = () =>
        app.inject({ url: "/oauth/userinfo", headers: { authorization: `Bearer ${access_token}` } });
      expect((await info()).statusCode).toBe(200);
      await setting.identity.users.setStatus({ userId, status: "suspended" });
      expect((await info()).statusCode).toBe(401);
      const asked = await post(app, "/oauth/introspect", { token: access_token, ...credentials(client) });
      expect(asked.json()).toEqual({ active: false });
      expect((await exchange(1)).json().error).toBe("invalid_grant");
      const refresh = { grant_type: "refresh_token", refresh_token, ...credentials(client) };
      expect((await post(app, "/oauth/token", refresh)).json().error).toBe("invalid_grant");
    },
  );
});

describe("addresses that no app has registered", () => {
  // Source: authlib CVE-2026-41479 and CVE-2026-44681: errors that were found before the address was checked led there.
  test.each([
    ["an unknown response_type", { response_type: "code id_token" }],
    ["no scope openid in a request for an id_token", { response_type: "id_token", scope: "notes" }],
    ["no response_type", { response_type: "" }],
    ["an unknown prompt", { prompt: "now" }],
    ["no challenge", { code_challenge: "" }],
    ["a request object", { request: "e30.e30." }],
  ])("get no error, for %s", async (_what, wrong) => {
    const app = await setting.app({ oauth: true });
    const client = await makeClient(setting);
    const url = authorizeUrl(client, { ...wrong, redirect_uri: "https://evil.example.com/steal" });
    for (const answer of [await app.inject(url), await app.inject(`${url}&prompt=none`)]) {
      expect([answer.statusCode, answer.headers.location]).toEqual([400, undefined]);
      expect(answer.body).not.toContain("evil.example.com");
    }
  });
});

// Source: public report authup#3196: whatever a provider has signed signed people out.
test("an access token is no id_token_hint: the person is asked, and stays signed in", async () => {
  const app = await setting.app({ oauth: true });
  const client = await makeClient(setting, { accessTokenFormat: "jwt" });
  const { visitor, email } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const { code = "" } = answerIn(await agree(visitor, email, authorizeUrl(client, {}, verifier)));
  const fields = {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  };
  const { access_token, id_token } = (
    await post(app, "/oauth/token", { ...fields, ...credentials(client) })
  ).json();
  const leave = (hint: string) =>
    visitor.get(`/oauth/logout?${new URLSearchParams({ id_token_hint: hint })}`);
  expect((await leave(access_token)).headers.location).toMatch(/^\/account\/end-session/);
  expect((await visitor.get("/account/security")).statusCode).toBe(200);
  expect((await leave(id_token)).headers.location).toMatch(/^\/account\/sign-in/);
  expect((await visitor.get("/account/security")).statusCode).toBe(303);
});

// Source: public report DuendeArchive/Support#1160: only after the sign-in was a used request found to be one.
test("a pushed request that was answered is refused before anybody signs in", async () => {
  const app = await setting.app({ oauth: true });
  const client = await makeClient(setting);
  const { visitor, email } = await makeVisitor(setting, app);
  const fields = Object.fromEntries(new URL(authorizeUrl(client), issuer).searchParams);
  const { request_uri } = (await post(app, "/oauth/par", { ...fields, ...credentials(client) })).json();
  const url = `/oauth/authorize?${new URLSearchParams({ client_id: client.clientId, request_uri })}`;
  expect(answerIn(await agree(visitor, email, url)).code).toBeTruthy();
  const again = await app.inject(url);
  expect([again.statusCode, again.headers.location]).toEqual([400, undefined]);
});
