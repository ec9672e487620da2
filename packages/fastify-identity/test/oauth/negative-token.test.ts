// Requests that the endpoints for programs must refuse, each case named after the clause that says so.
import { generateKeyPairSync } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
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
  ours,
  post,
  redirectUri,
  signIn,
  target,
} from "./world.js";

const setting = useIdentity();
type App = Awaited<ReturnType<typeof setting.app>>;
let client: Client;
let app: App;
beforeAll(async () => {
  client = await makeClient(setting);
});

const seconds = () => Math.floor(setting.clock.now().getTime() / 1_000);
const basic = ({ clientId, clientSecret }: Client) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`,
});

/** An app with somebody who has agreed to a client, and a code of theirs. */
async function begun(of: Client = client, changes: Record<string, string> = {}) {
  app = await setting.app({ oauth: true });
  const { visitor, email, userId } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const answer = await agree(visitor, email, authorizeUrl(of, changes, verifier));
  const { code = "" } = answerIn(answer);
  const fields = {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  };
  return { visitor, email, userId, code, fields, exchange: { ...fields, ...credentials(of) } };
}

const token = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  post(app, "/oauth/token", fields, headers);

const isRefused = (response: Awaited<ReturnType<typeof token>>, error: string, status = 400) => {
  expect([response.statusCode, response.json().error]).toEqual([status, error]);
  expect(response.json().error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  expect(response.headers["cache-control"]).toBe("no-store");
  expect(response.headers["content-type"]).toContain("application/json");
};

describe("the token endpoint", () => {
  test("28 OAuth 2.1 section 3.2: takes POST only", async () => {
    app = await setting.app({ oauth: true });
    const response = await app.inject({ method: "GET", url: "/oauth/token" });
    expect([response.statusCode, response.headers.allow]).toEqual([405, expect.stringContaining("POST")]);
  });

  test("29 OAuth 2.1 section 3.2.2: a JSON body, and no body", async () => {
    app = await setting.app({ oauth: true });
    isRefused(
      await app.inject({ method: "POST", url: "/oauth/token", payload: { a: 1 } }),
      "invalid_request",
    );
    isRefused(await app.inject({ method: "POST", url: "/oauth/token" }), "invalid_request");
  });

  test("30 OAuth 2.1 section 2.4.1: a secret in the address; the code stays good", async () => {
    const { exchange } = await begun();
    const query = new URLSearchParams({ client_secret: client.clientSecret ?? "" });
    isRefused(await post(app, `/oauth/token?${query}`, exchange), "invalid_request");
    expect((await token(exchange)).statusCode).toBe(200);
  });

  test("31 OAuth 2.1 section 2.4: two ways of authentication at once", async () => {
    const { exchange } = await begun();
    isRefused(await token(exchange, basic(client)), "invalid_request");
  });

  test("32 RFC 6749 section 5.2: a wrong secret by Basic is answered with its scheme", async () => {
    const { fields } = await begun();
    const wrong = await token(fields, basic({ ...client, clientSecret: "wrong" }));
    isRefused(wrong, "invalid_client", 401);
    expect(wrong.headers["www-authenticate"]).toMatch(/^Basic realm=/);
    for (const authorization of [
      "Basic",
      "Basic !",
      "Bearer x",
      `Basic ${btoa("nocolon")}`,
      `Basic ${btoa("%:%")}`,
    ]) {
      isRefused(await token(fields, { authorization }), "invalid_client", 401);
    }
    expect((await token(fields, basic(client))).statusCode).toBe(200);
  });

  test("33 Registration section 2: a way that the client is not registered for", async () => {
    const own = await makeClient(setting, { clientAuthentication: "client_secret_basic" });
    const { exchange, fields } = await begun(own);
    isRefused(await token(exchange), "invalid_client", 401);
    isRefused(await token({ ...fields, client_id: own.clientId }), "invalid_client", 401);
    expect((await token(fields, basic(own))).statusCode).toBe(200);
  });

  test("34 RFC 6749 section 5.2: no grant_type, an unknown one, and one that is not the client's", async () => {
    app = await setting.app({ oauth: true });
    isRefused(await token(credentials(client)), "invalid_request");
    isRefused(await token({ grant_type: "password", ...credentials(client) }), "unsupported_grant_type");
    const machine = await makeClient(setting, { grantTypes: ["client_credentials"], redirectUris: [] });
    isRefused(await token({ grant_type: "refresh_token", ...credentials(machine) }), "unauthorized_client");
    isRefused(await token({ grant_type: "authorization_code", ...credentials(client) }), "invalid_request");
  });

  test("35 OAuth 2.1 section 4.1.3: a code that is used twice with everything right ends its tokens", async () => {
    const { exchange } = await begun();
    const { access_token } = (await token(exchange)).json();
    isRefused(await token(exchange), "invalid_grant");
    expect((await setting.identity.oauth.validate(access_token)).ok).toBe(false);
  });

  test("36 OAuth 2.1 section 7.5.2: one that is used twice with a wrong verifier ends nothing", async () => {
    const { exchange } = await begun();
    const { access_token } = (await token(exchange)).json();
    isRefused(await token({ ...exchange, code_verifier: newVerifier() }), "invalid_grant");
    expect((await setting.identity.oauth.validate(access_token)).ok).toBe(true);
  });

  test("37 RFC 6749 section 5.2: another client's code, one of a suspended user, an expired one", async () => {
    const other = await makeClient(setting);
    const { exchange, fields, userId } = await begun();
    isRefused(await token({ ...fields, ...credentials(other) }), "invalid_grant");
    await setting.identity.users.setStatus({ userId, status: "suspended" });
    isRefused(await token(exchange), "invalid_grant");
    const late = await begun();
    setting.clock.advance(60_000);
    isRefused(await token(late.exchange), "invalid_grant");
  });

  test("38 RFC 9700 section 4.8.2: another redirect URI, and none of the verifiers of others", async () => {
    const { exchange } = await begun();
    isRefused(await token({ ...exchange, redirect_uri: `${redirectUri}/` }), "invalid_grant");
    isRefused(await token({ ...exchange, code_verifier: "" }), "invalid_grant");
    // OAuth 2.1 section 10.2: its clients send no redirect URI.
    const { redirect_uri: _unsent, ...without } = exchange;
    expect((await token(without)).statusCode).toBe(200);
  });

  test("39 RFC 9700 section 4.14.2: a refresh token past its grace ends the family", async () => {
    const { exchange } = await begun(client, { scope: "openid offline_access notes" });
    const first = (await token(exchange)).json();
    const refresh = {
      grant_type: "refresh_token",
      refresh_token: first.refresh_token,
      ...credentials(client),
    };
    const next = (await token(refresh)).json();
    expect((await token(refresh)).json().refresh_token).toBe(next.refresh_token);
    setting.clock.advance(31_000);
    isRefused(await token(refresh), "invalid_grant");
    isRefused(await token({ ...refresh, refresh_token: next.refresh_token }), "invalid_grant");
  });

  test("40 RFC 6749 section 6: a refresh never widens; a narrower scope is told", async () => {
    const { exchange } = await begun(client, { scope: "openid notes" });
    const { refresh_token, scope } = (await token(exchange)).json();
    expect(scope).toBe("notes openid");
    const refresh = { grant_type: "refresh_token", refresh_token, ...credentials(client) };
    isRefused(await token({ ...refresh, scope: "openid notes email" }), "invalid_scope");
    const narrower = (await token({ ...refresh, scope: "notes" })).json();
    expect(narrower).toMatchObject({ scope: "notes" });
    expect(narrower).not.toHaveProperty("id_token");
  });

  test("41 OAuth 2.1 section 4.2: client credentials of a public client", async () => {
    app = await setting.app({ oauth: true });
    const open = await makeClient(setting, { type: "public" });
    isRefused(
      await token({ grant_type: "client_credentials", client_id: open.clientId }),
      "unauthorized_client",
    );
    isRefused(
      await token({ grant_type: "client_credentials", ...credentials(open), client_secret: "x" }),
      "invalid_client",
      401,
    );
  });

  test("a repeated parameter, and too many", async () => {
    const { exchange } = await begun();
    const repeated = `${new URLSearchParams(exchange)}&code_verifier=x`;
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    isRefused(
      await app.inject({ method: "POST", url: "/oauth/token", payload: repeated, headers }),
      "invalid_request",
    );
    const many = Array.from({ length: 200 }, (_, at) => `a${at}=1`).join("&");
    isRefused(
      await app.inject({ method: "POST", url: "/oauth/token", payload: many, headers }),
      "invalid_request",
    );
    const bad = "grant_type=%ff";
    isRefused(
      await app.inject({ method: "POST", url: "/oauth/token", payload: bad, headers }),
      "invalid_request",
    );
  });

  test("55 Fetch: only the client's own pages read its answers, errors too", async () => {
    const own = await makeClient(setting, { type: "public", origins: ["https://spa.example.com"] });
    const { exchange } = await begun(own);
    const preflight = await app.inject({
      method: "OPTIONS",
      url: "/oauth/token",
      headers: { origin: "https://spa.example.com", "access-control-request-method": "POST" },
    });
    expect([preflight.statusCode, preflight.headers["access-control-max-age"]]).toEqual([204, "7200"]);
    const from = async (origin: string, fields = exchange) => {
      const { headers } = await token(fields, { origin, "sec-fetch-site": "cross-site" });
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
      expect(headers.vary).toContain("Origin");
      return headers["access-control-allow-origin"];
    };
    expect(await from("https://evil.example")).toBeUndefined();
    expect(await from("https://spa.example.com", { ...exchange, code: "wrong" })).toBe(
      "https://spa.example.com",
    );
  });
});

describe("private_key_jwt", () => {
  test("42 OAuth 2.1 section 2.4, RFC 7523 section 3: what an assertion must say, and only once", async () => {
    app = await setting.app({ oauth: true });
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const machine = await makeClient(setting, {
      grantTypes: ["client_credentials"],
      redirectUris: [],
      scopes: ["notes"],
      clientAuthentication: "private_key_jwt",
      publicKeys: [publicKey.export({ format: "jwk" }) as never],
    });
    let count = 0;
    const assertion = (changes: object = {}, key = privateKey, alg = "ES256") => {
      count += 1;
      const claims = {
        iss: machine.clientId,
        sub: machine.clientId,
        aud: issuer,
        jti: `j${count}`,
        exp: seconds() + 60,
      };
      return new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg }).sign(key);
    };
    const ask = async (client_assertion: string) =>
      (
        await token({
          grant_type: "client_credentials",
          client_assertion,
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        })
      ).statusCode;
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    for (const wrong of [
      assertion({ aud: `${issuer}/oauth/token` }),
      assertion({ aud: [issuer, "https://other.example"] }),
      assertion({ sub: client.clientId }),
      assertion({ iss: client.clientId }),
      assertion({ exp: seconds() - 60 }),
      assertion({ exp: seconds() + 86_400 }),
      assertion({ exp: undefined }),
      assertion({ jti: undefined }),
      assertion({}, other),
    ]) {
      expect(await ask(await wrong)).toBe(401);
    }
    // Authlib makes assertions that are good for an hour.
    expect(await ask(await assertion({ exp: seconds() + 3_600 }))).toBe(200);
    const good = await assertion();
    expect(await ask(good)).toBe(200);
    expect(await ask(good)).toBe(401);
    expect(await ask(`${Buffer.from('{"alg":"none"}').toString("base64url")}.${good.split(".")[1]}.`)).toBe(
      401,
    );
  });
});

describe("DPoP", () => {
  const keyPair = () => generateKeyPair("ES256", { extractable: true });
  type Pair = Awaited<ReturnType<typeof keyPair>>;
  let count = 0;
  async function proof(pair: Pair, claims: object = {}, header: object = {}): Promise<string> {
    count += 1;
    const jwk = await exportJWK(pair.publicKey);
    const whole = { htm: "POST", htu: `${issuer}/oauth/token`, jti: `p${count}`, iat: seconds(), ...claims };
    return new SignJWT(whole)
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk, ...header } as never)
      .sign(pair.privateKey);
  }

  test("43 RFC 9449 section 4.3: what a proof must say, and only once", async () => {
    const { exchange } = await begun();
    const pair = await keyPair();
    const ask = (dpop: string) => token(exchange, { dpop });
    for (const wrong of [
      proof(pair, { htm: "GET" }),
      proof(pair, { htu: `${issuer}/oauth/par` }),
      proof(pair, { htu: "https://evil.example/oauth/token" }),
      proof(pair, { iat: seconds() - 3_600 }),
      proof(pair, { iat: seconds() + 3_600 }),
      proof(pair, { jti: undefined }),
      proof(pair, {}, { typ: "JWT" }),
      proof(pair, {}, { jwk: await exportJWK(pair.privateKey) }),
      proof(pair, {}, { jwk: await exportJWK((await keyPair()).publicKey) }),
    ]) {
      isRefused(await ask(await wrong), "invalid_dpop_proof");
    }
    isRefused(await ask(`${btoa('{"alg":"none","typ":"dpop+jwt"}')}.e30.`), "invalid_dpop_proof");
    const good = await proof(pair, { htu: `${issuer}/oauth/token?a=b#c` });
    expect((await ask(good)).json().token_type).toBe("DPoP");
    isRefused(await ask(good), "invalid_dpop_proof");
  });

  test("44 RFC 9449 section 4.3: two DPoP headers", async () => {
    const { exchange } = await begun();
    const pair = await keyPair();
    const two = [await proof(pair), await proof(pair)].join(", ");
    isRefused(await token(exchange, { dpop: two }), "invalid_dpop_proof");
  });

  test("45 RFC 9449 section 7: at UserInfo, no proof, none of this token, another key, and Bearer", async () => {
    const { exchange } = await begun();
    const pair = await keyPair();
    const { access_token } = (await token(exchange, { dpop: await proof(pair) })).json();
    const ath = Buffer.from(
      await crypto.subtle.digest("SHA-256", new TextEncoder().encode(access_token)),
    ).toString("base64url");
    const at = { htm: "GET", htu: `${issuer}/oauth/userinfo` };
    const info = (headers: Record<string, string>) => app.inject({ url: "/oauth/userinfo", headers });
    const authorization = `DPoP ${access_token}`;
    const wrong = [
      { authorization },
      { authorization, dpop: await proof(pair, at) },
      { authorization, dpop: await proof(await keyPair(), { ...at, ath }) },
      { authorization: `Bearer ${access_token}` },
      { authorization: `Bearer ${access_token}`, dpop: await proof(pair, { ...at, ath }) },
    ];
    for (const headers of wrong) {
      const response = await info(headers);
      expect(response.statusCode).toBe(401);
      expect(response.headers["www-authenticate"]).toMatch(/^DPoP .*error="invalid_/);
    }
    expect((await info({ authorization, dpop: await proof(pair, { ...at, ath }) })).statusCode).toBe(200);
  });

  test("46 RFC 9449 section 8: a proof without our nonce, or with an old one", async () => {
    const { exchange } = await begun();
    app = await setting.app({ oauth: { dpopNonces: true } });
    const pair = await keyPair();
    const first = await token(exchange, { dpop: await proof(pair) });
    isRefused(first, "use_dpop_nonce");
    const nonce = String(first.headers["dpop-nonce"]);
    setting.clock.advance(900_000);
    const late = await token(exchange, { dpop: await proof(pair, { nonce }) });
    isRefused(late, "use_dpop_nonce");
    const fresh = String(late.headers["dpop-nonce"]);
    expect(fresh).not.toBe(nonce);
    // The code has expired meanwhile: the proof is taken.
    isRefused(await token(exchange, { dpop: await proof(pair, { nonce: fresh }) }), "invalid_grant");
  });

  test("47 RFC 9449 section 5: a public client's refresh token with another key, or none", async () => {
    const open = await makeClient(setting, { type: "public" });
    const { exchange } = await begun(open);
    const pair = await keyPair();
    const { refresh_token } = (await token(exchange, { dpop: await proof(pair) })).json();
    const refresh = { grant_type: "refresh_token", refresh_token, client_id: open.clientId };
    isRefused(await token(refresh), "invalid_grant");
    isRefused(await token(refresh, { dpop: await proof(await keyPair()) }), "invalid_grant");
    expect((await token(refresh, { dpop: await proof(pair) })).statusCode).toBe(200);
  });

  test("RFC 9449 section 10: dpop_jkt binds the code to the key", async () => {
    const pair = await keyPair();
    const dpop_jkt = await calculateJwkThumbprint(await exportJWK(pair.publicKey));
    const { exchange } = await begun(client, { dpop_jkt });
    isRefused(await token(exchange), "invalid_grant");
    isRefused(await token(exchange, { dpop: await proof(await keyPair()) }), "invalid_grant");
    expect((await token(exchange, { dpop: await proof(pair) })).statusCode).toBe(200);
  });
});

describe("devices", () => {
  const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code" as const;
  const makeDevice = () =>
    makeClient(setting, { type: "public", redirectUris: [], grantTypes: [deviceGrant] });

  test("48 RFC 8628 section 3.5: pending, early, denied, late", async () => {
    app = await setting.app({ oauth: true });
    const device = await makeDevice();
    const { visitor, email } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const begin = async () =>
      (await post(app, "/oauth/device_authorization", { client_id: device.clientId, scope: "notes" })).json();
    const poll = (device_code: string) =>
      token({ grant_type: deviceGrant, device_code, client_id: device.clientId });
    const codes = await begin();
    expect(codes).toMatchObject({ interval: 5, expires_in: 600 });
    isRefused(await poll(codes.device_code), "authorization_pending");
    isRefused(await poll(codes.device_code), "slow_down");
    const form_token = formToken((await visitor.get("/account/device")).body);
    await visitor.post("/account/device/decision", {
      form_token,
      user_code: codes.user_code,
      decision: "deny",
    });
    isRefused(await poll(codes.device_code), "access_denied");
    const late = await begin();
    setting.clock.advance(600_000);
    isRefused(await poll(late.device_code), "expired_token");
    isRefused(await poll("unknown"), "invalid_grant");
  });

  test("49 RFC 8628 section 5.1: a user code is not found by trying", async () => {
    app = await setting.app({ oauth: true, rateLimit: { requests: 1_000, passwords: 5 } });
    const { visitor, email } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const form_token = formToken((await visitor.get("/account/device")).body);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      statuses.push(
        (await visitor.post("/account/device", { form_token, user_code: "BCDF-GHJK" })).statusCode,
      );
    }
    expect(statuses.at(0)).toBe(422);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("tokens at our endpoints", () => {
  test("50 Core section 5.3.3: UserInfo without a token, without openid; 51 RFC 6750 section 2.3: in the address", async () => {
    const { exchange } = await begun(client, { scope: "notes" });
    const { access_token } = (await token(exchange)).json();
    const info = (url: string, headers = {}) => app.inject({ url, headers });
    const bare = await info("/oauth/userinfo");
    expect([bare.statusCode, bare.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="oauth"']);
    const wrong = await info("/oauth/userinfo", { authorization: "Bearer wrong" });
    expect([wrong.statusCode, wrong.headers["www-authenticate"]]).toEqual([
      401,
      'Bearer realm="oauth", error="invalid_token"',
    ]);
    const scopeless = await info("/oauth/userinfo", { authorization: `Bearer ${access_token}` });
    expect([scopeless.statusCode, scopeless.json().error]).toEqual([403, "insufficient_scope"]);
    const inAddress = await info(`/oauth/userinfo?access_token=${access_token}`);
    expect([inAddress.statusCode, inAddress.json().error]).toEqual([400, "invalid_request"]);
  });

  test("RFC 9068 section 2.1: an id_token is no access token, nor the other way round", async () => {
    const own = await makeClient(setting, { accessTokenFormat: "jwt" });
    const { exchange } = await begun(own);
    const { access_token, id_token } = (await token(exchange)).json();
    const info = (value: string) =>
      app.inject({ url: "/oauth/userinfo", headers: { authorization: `Bearer ${value}` } });
    expect((await info(id_token)).statusCode).toBe(401);
    expect((await info(access_token)).statusCode).toBe(200);
    const tampered = `${access_token.slice(0, -8)}AAAAAAAA`;
    expect((await info(tampered)).statusCode).toBe(401);
    const hint = await app.inject({
      url: authorizeUrl(own, { id_token_hint: access_token, prompt: "none" }),
    });
    expect(answerIn(hint).error).toBe("invalid_request");
  });

  test("52 RFC 7662 section 2.1: who asks must have shown who they are, with a secret", async () => {
    const { exchange } = await begun();
    const { access_token, refresh_token } = (await token(exchange)).json();
    const ask = (fields: Record<string, string>) =>
      post(app, "/oauth/introspect", { token: access_token, ...fields });
    expect((await ask({})).statusCode).toBe(401);
    const open = await makeClient(setting, { type: "public" });
    expect((await ask(credentials(open))).statusCode).toBe(401);
    const other = await makeClient(setting);
    expect((await ask(credentials(other))).json()).toEqual({ active: false });
    expect((await ask(credentials(client))).json()).toMatchObject({ active: true, iss: issuer, acr: "1" });
    expect((await ask({ ...credentials(client), token: refresh_token })).json().active).toBe(true);
  });

  test("RFC 7009 section 2: revocation is done for tokens that are not there, with any hint", async () => {
    const { exchange } = await begun();
    const { access_token, refresh_token } = (await token(exchange)).json();
    const other = await makeClient(setting);
    const revoke = async (fields: Record<string, string>) =>
      (await post(app, "/oauth/revoke", fields)).statusCode;
    expect(await revoke({ token: "unknown", ...credentials(client) })).toBe(200);
    expect(await revoke({ token: access_token, ...credentials(other) })).toBe(200);
    expect((await setting.identity.oauth.validate(access_token)).ok).toBe(true);
    expect(
      await revoke({ token: refresh_token, token_type_hint: "access_token", ...credentials(client) }),
    ).toBe(200);
    expect((await setting.identity.oauth.validate(access_token)).ok).toBe(false);
    expect(await revoke({ ...credentials(client) })).toBe(400);
  });

  test("RFC 9126 section 2.1: a pushed request with a request_uri, and one that is wrong", async () => {
    app = await setting.app({ oauth: true });
    const fields = Object.fromEntries(new URLSearchParams(authorizeUrl(client).split("?")[1]));
    const push = (changes: Record<string, string>) =>
      post(app, "/oauth/par", { ...fields, ...credentials(client), ...changes });
    isRefused(await push({ request_uri: "urn:ietf:params:oauth:request_uri:x" }), "invalid_request");
    isRefused(await push({ redirect_uri: "https://evil.example/" }), "invalid_request");
    isRefused(await push({ scope: "other" }), "invalid_scope");
    isRefused(await push({ client_secret: "wrong" }), "invalid_client", 401);
    isRefused(await push({ state: "x".repeat(20_000) }), "invalid_request");
    expect((await app.inject({ method: "GET", url: "/oauth/par" })).statusCode).toBe(405);
  });
});

describe("logout", () => {
  test("53 RP-Initiated Logout section 2: without a hint, or with one of another session, it asks", async () => {
    const { visitor, exchange, email } = await begun();
    const { id_token } = (await token(exchange)).json();
    const stranger = await begun();
    const foreign = (await token(stranger.exchange)).json().id_token;
    for (const query of [
      "",
      `?id_token_hint=${foreign}`,
      `?id_token_hint=wrong`,
      `?client_id=${client.clientId}`,
    ]) {
      const asked = await visitor.get(`/oauth/logout${query}`);
      expect(target(asked)).toContain("/account/end-session");
      expect((await visitor.get("/account")).statusCode).toBe(200);
      expect((await visitor.get(ours(target(asked)))).body).toContain("Sign out?");
    }
    const posted = await post(
      app,
      "/oauth/logout",
      { id_token_hint: id_token },
      { "sec-fetch-site": "cross-site" },
    );
    await visitor.get(ours(target(posted)));
    expect((await visitor.get("/account")).statusCode).toBe(303);
    void email;
  });

  test("53 who is asked can agree, and goes on to the app's address", async () => {
    const bye = "https://app.example.com/bye";
    const own = await makeClient(setting, { postLogoutRedirectUris: [bye] });
    const { visitor } = await begun(own);
    const query = new URLSearchParams({ client_id: own.clientId, post_logout_redirect_uri: bye, state: "s" });
    const page = ours(target(await visitor.get(`/oauth/logout?${query}`)));
    const form_token = formToken((await visitor.get(page)).body);
    expect(target(await visitor.post(page, { form_token }))).toBe(`${bye}?state=s`);
    expect((await visitor.get("/account")).statusCode).toBe(303);
  });

  // The conformance suite's `oidcc-rp-initiated-logout-bad-post-logout-redirect-uri` wants a page that names the fault; section 4
  // stops only what needs the part that is wrong.
  test("54 RP-Initiated Logout sections 3 and 4: an address that is not the app's is no place to go, and the user can sign out", async () => {
    for (const address of ["https://evil.example/", redirectUri]) {
      const { visitor, exchange } = await begun();
      const { id_token } = (await token(exchange)).json();
      const hint = { id_token_hint: id_token };
      for (const named of [{ client_id: client.clientId }, hint]) {
        const query = new URLSearchParams({ ...named, post_logout_redirect_uri: address });
        const page = ours(target(await visitor.get(`/oauth/logout?${query}`)));
        const { body, statusCode } = await visitor.get(page);
        expect([statusCode, body.includes("is not registered for it. If you sign out")]).toEqual([200, true]);
        // It is in the form's own address alone, which is ours.
        expect(body).not.toContain(`href="${address}`);
        expect((await visitor.get("/account")).statusCode).toBe(200);
        if (named !== hint) continue;
        const left = await visitor.post(page, { form_token: formToken(body) });
        expect(target(left)).toMatch(/^\/account\/sign-in/);
      }
      expect((await visitor.get("/account")).statusCode).toBe(303);
      const query = new URLSearchParams({ client_id: client.clientId, post_logout_redirect_uri: address });
      for (const path of ["/oauth/logout", "/account/end-session"]) {
        const answer = await visitor.get(`${path}?${query}`);
        expect([answer.statusCode, answer.headers.location]).toEqual([400, undefined]);
        expect(answer.body).toContain("You are signed out.");
        expect(answer.body).not.toContain(address);
      }
    }
  });
});

describe("metadata and keys", () => {
  const well = "/.well-known/openid-configuration";

  test("56 RFC 8414 section 3.3: whatever the Host says, the issuer is the configured one", async () => {
    app = await setting.app({ oauth: true });
    const answer = await app.inject({ url: well, headers: { host: "evil.example" } });
    expect(answer.body).not.toContain("evil");
    expect(answer.json()).toMatchObject({
      issuer,
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      id_token_signing_alg_values_supported: ["RS256"],
    });
    expect(answer.headers).toMatchObject({ "access-control-allow-origin": "*" });
    expect(answer.headers["cache-control"]).toMatch(/^public, max-age=\d+$/);
    expect(answer.json()).toEqual((await app.inject("/.well-known/oauth-authorization-server")).json());
  });

  test("RFC 8414 section 3.1, Discovery section 4.1: an issuer with a path has its metadata in both places", async () => {
    app = await setting.app({ oauth: { issuer: `${issuer}/tenant` } });
    for (const path of [
      "/.well-known/oauth-authorization-server/tenant",
      `/tenant${well}`,
      `${well}/tenant`,
    ]) {
      expect((await app.inject(path)).json().issuer).toBe(`${issuer}/tenant`);
    }
    expect((await app.inject(well)).statusCode).toBe(404);
  });

  test("RFC 7517: the key set has public members only, each with its own kid, and can be kept", async () => {
    app = await setting.app({ oauth: { algorithms: ["RS256", "ES256", "EdDSA"] } });
    const answer = await app.inject("/oauth/jwks");
    expect(answer.headers["cache-control"]).toMatch(/^public, max-age=\d+$/);
    const { keys } = answer.json() as { keys: Array<Record<string, string>> };
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThanOrEqual(3);
    for (const key of keys) {
      expect(key).toMatchObject({ use: "sig", alg: expect.any(String) });
      for (const secret of ["d", "p", "q", "dp", "dq", "qi"]) expect(key).not.toHaveProperty(secret);
    }
  });

  test("a provider without pages, or with an issuer of another origin, is refused at boot", async () => {
    await expect(setting.app({ oauth: true, pages: false })).rejects.toThrow("oauth: takes pages");
    await expect(setting.app({ oauth: { issuer: "https://other.example.com" } })).rejects.toThrow(
      "oauth.issuer",
    );
    await expect(setting.app({ oauth: { issuer: `${issuer}/` } })).rejects.toThrow("oauth");
  });
});
