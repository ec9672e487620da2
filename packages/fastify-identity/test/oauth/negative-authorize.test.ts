// Requests that an authorization endpoint must refuse, each case named after the clause that says so. `E` is an error at the client,
// by redirect with `state` and `iss`; `P` is a page of ours without a redirect or a link away.

import type { LightMyRequestResponse } from "fastify";
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { formToken, Visitor } from "../pages/visitor.js";
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
beforeAll(async () => {
  client = await makeClient(setting);
});

const isPage = (response: LightMyRequestResponse) => {
  expect(response.statusCode).toBe(400);
  expect(response.headers.location).toBeUndefined();
  expect(response.headers["content-type"]).toContain("text/html");
  expect(response.body).not.toMatch(/http-equiv="refresh"|app\.example\.com|evil/);
};

const isError = (response: LightMyRequestResponse, error: string) => {
  expect(answerIn(response)).toMatchObject({ error, state: "a state", iss: issuer });
  expect(answerIn(response)).not.toHaveProperty("code");
};

/** The answer to a request by GET, and by POST, which goes on by a GET. */
async function ask(app: App, url: string, visitor = new Visitor(app)): Promise<LightMyRequestResponse[]> {
  const [path = "", query = ""] = url.split("?", 2);
  const posted = await app.inject({
    method: "POST",
    url: path,
    payload: query,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      origin: "https://app.example.com",
      "sec-fetch-site": "cross-site",
    },
  });
  const followed = target(posted).startsWith(issuer) ? await visitor.get(ours(target(posted))) : posted;
  return [await visitor.get(url), followed];
}

describe("P: nobody has shown where the client is", () => {
  test.each<[string, Record<string, string | undefined>]>([
    ["1 OAuth 2.1 section 4.1.2.1: unknown client", { client_id: "nobody" }],
    ["2 OAuth 2.1 section 4.1.2.1: no client_id", { client_id: undefined }],
    ["4 OAuth 2.1 section 2.3.1: redirect URI with a slash more", { redirect_uri: `${redirectUri}/` }],
    ["4 OAuth 2.1 section 2.3.1: redirect URI in capitals", { redirect_uri: redirectUri.toUpperCase() }],
    ["4 OAuth 2.1 section 2.3.1: redirect URI with a query", { redirect_uri: `${redirectUri}?a=b` }],
    [
      "4 OAuth 2.1 section 2.3.1: redirect URI with user info",
      { redirect_uri: "https://evil@app.example.com/callback" },
    ],
  ])("%s", async (_name, changes) => {
    const app = await setting.app({ oauth: true });
    for (const response of await ask(app, authorizeUrl(client, changes))) isPage(response);
  });

  test("3 a suspended client", async () => {
    const app = await setting.app({ oauth: true });
    const suspended = await makeClient(setting);
    await setting.identity.oauth.setAppStatus({ clientId: suspended.clientId, status: "suspended" });
    for (const response of await ask(app, authorizeUrl(suspended))) isPage(response);
  });

  test.each([
    ["5 RFC 8252 section 7.3: loopback with another path", "http://127.0.0.1:8080/other"],
    ["6 RFC 8252 section 8.3: a host that only begins like loopback", "http://127.0.0.1.evil.tld/callback"],
    ["7 RFC 8252 section 7.3: another port by https", "https://app.example.com:444/callback"],
  ])("%s", async (_name, redirect_uri) => {
    const app = await setting.app({ oauth: true });
    const native = await makeClient(setting, {
      type: "public",
      redirectUris: ["http://127.0.0.1/callback", redirectUri],
    });
    const allowed = authorizeUrl(native, { redirect_uri: "http://127.0.0.1:54321/callback" });
    for (const response of await ask(app, allowed)) expect(response.statusCode).toBe(303);
    for (const response of await ask(app, authorizeUrl(native, { redirect_uri }))) isPage(response);
  });

  test("8 OAuth 2.1 section 3.1: two redirect URIs", async () => {
    const app = await setting.app({ oauth: true });
    const twice = `${authorizeUrl(client)}&redirect_uri=${encodeURIComponent(redirectUri)}`;
    for (const response of await ask(app, twice)) isPage(response);
  });

  test("9 OAuth 2.1 section 4.1.1: no redirect URI where two are registered", async () => {
    const app = await setting.app({ oauth: true });
    const two = await makeClient(setting, { redirectUris: [redirectUri, "https://b.example.com/"] });
    const url = authorizeUrl(two, { redirect_uri: undefined, scope: "notes" });
    for (const response of await ask(app, url)) isPage(response);
  });

  test("21 RFC 9126 section 4: a pushed request that has expired, or is another client's", async () => {
    const app = await setting.app({ oauth: true });
    const other = await makeClient(setting);
    const fields = Object.fromEntries(new URLSearchParams(authorizeUrl(client).split("?")[1]));
    const pushed = await post(app, "/oauth/par", { ...fields, ...credentials(client) });
    expect([pushed.statusCode, pushed.headers["cache-control"]]).toEqual([201, "no-store"]);
    const { request_uri, expires_in } = pushed.json();
    expect(expires_in).toBeGreaterThanOrEqual(5);
    expect(expires_in).toBeLessThanOrEqual(600);
    const at = (clientId: string) =>
      `/oauth/authorize?${new URLSearchParams({ client_id: clientId, request_uri })}`;
    isPage(await new Visitor(app).get(at(other.clientId)));
    expect((await new Visitor(app).get(at(client.clientId))).statusCode).toBe(303);
    setting.clock.advance(expires_in * 1_000);
    isPage(await new Visitor(app).get(at(client.clientId)));
  });

  test("27 a request that is taken up in one browser goes on in no other", async () => {
    const app = await setting.app({ oauth: true });
    const [mine, theirs] = [new Visitor(app), new Visitor(app)];
    const page = ours(target(await mine.get(authorizeUrl(client))));
    expect((await mine.get(page)).statusCode).toBe(303);
    isPage(await theirs.get(page));
    expect((await mine.get(page)).statusCode).toBe(303);
  });
});

describe("E: an error at the client", () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    ["10 RFC 6749 section 4.1.2.1: no response_type", { response_type: undefined }, "invalid_request"],
    ["11 OAuth 2.1 section 4: the implicit flow", { response_type: "token" }, "unsupported_response_type"],
    [
      "11 OpenID Connect Core section 3.2: id_token token",
      { response_type: "id_token token" },
      "unsupported_response_type",
    ],
    [
      "12 OAuth 2.1 section 4.1.2.1: no challenge",
      { code_challenge: undefined, code_challenge_method: undefined },
      "invalid_request",
    ],
    ["12 ASVS 10.4.6: the method plain", { code_challenge_method: "plain" }, "invalid_request"],
    [
      "12 RFC 7636 section 4.3: no method, which means plain",
      { code_challenge_method: undefined },
      "invalid_request",
    ],
    [
      "12 RFC 7636 section 4.2: a challenge of 42 characters",
      { code_challenge: "c".repeat(42) },
      "invalid_request",
    ],
    ["13 RFC 6749 section 4.1.2.1: no scope that is known", { scope: "other" }, "invalid_scope"],
    ["14 Core section 3.1.2.1: prompt none with another", { prompt: "none login" }, "invalid_request"],
    ["14 Core section 3.1.2.1: an unknown prompt", { prompt: "create" }, "invalid_request"],
    ["15 Core section 3.1.2.6: prompt none, signed out", { prompt: "none" }, "login_required"],
    ["18 Core section 3.1.2.1: max_age below zero", { max_age: "-1" }, "invalid_request"],
    ["18 Core section 3.1.2.1: max_age that is no number", { max_age: "x" }, "invalid_request"],
    ["19 Core section 6.1: request", { request: "e30.e30." }, "request_not_supported"],
    [
      "20 Core section 6.2: a request_uri of somebody else's",
      { request_uri: "https://evil.example/r" },
      "request_uri_not_supported",
    ],
    ["24 response_mode fragment for a code", { response_mode: "fragment" }, "invalid_request"],
    ["claims that are no JSON", { claims: "{" }, "invalid_request"],
    [
      "RFC 8707 section 2: a resource that is not the client's",
      { resource: "https://api.example.com/" },
      "invalid_target",
    ],
    [
      "OAuth 2.1 section 3.1: a parameter without a value is absent",
      { response_type: "" },
      "invalid_request",
    ],
  ])("%s", async (_name, changes, error) => {
    const app = await setting.app({ oauth: true });
    for (const response of await ask(app, authorizeUrl(client, changes))) isError(response, error);
  });

  test("OAuth 2.1 section 3.1: a repeated parameter", async () => {
    const app = await setting.app({ oauth: true });
    for (const response of await ask(app, `${authorizeUrl(client)}&nonce=a&nonce=b`))
      isError(response, "invalid_request");
  });

  test("16 Core section 3.1.2.6: prompt none, without a consent", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    for (const response of await ask(app, authorizeUrl(client, { prompt: "none" }), visitor)) {
      isError(response, "consent_required");
    }
  });

  test("22 RFC 9126 section 6: a plain request of a client that has to push", async () => {
    const app = await setting.app({ oauth: true });
    const pushing = await makeClient(setting, { requiresPushedRequests: true });
    for (const response of await ask(app, authorizeUrl(pushing))) isError(response, "invalid_request");
  });

  test("23 RFC 6749 section 4.1.2.1: the user denies; the request is over", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const page = ours(target(await visitor.get(authorizeUrl(client))));
    const deny = { form_token: formToken((await visitor.get(page)).body), decision: "deny" };
    isError(await visitor.post(page, deny), "access_denied");
    isPage(await visitor.post(page, { ...deny, decision: "allow" }));
  });

  test("25 Core section 3.1.2.1: an id_token_hint that we have not signed", async () => {
    const app = await setting.app({ oauth: true });
    const key = new Uint8Array(32).fill(1);
    const forged = await new SignJWT({ iss: issuer, sub: "x" })
      .setProtectedHeader({ alg: "HS256", kid: "a" })
      .sign(key);
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`;
    for (const id_token_hint of [forged, unsigned, "x"]) {
      for (const response of await ask(app, authorizeUrl(client, { id_token_hint })))
        isError(response, "invalid_request");
    }
  });

  test("26 two tabs: each gets its own code, and none twice", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await signIn(visitor, email);
    const open = async () => ours(target(await visitor.get(authorizeUrl(client))));
    const [first, second] = [await open(), await open()];
    const form_token = formToken((await visitor.get(first)).body);
    await visitor.get(second);
    const allow = (page: string) => visitor.post(page, { form_token, decision: "allow" });
    const [one, two] = [answerIn(await allow(first)), answerIn(await allow(second))];
    expect(one.code).toMatch(/^idc_/);
    expect(two.code).toMatch(/^idc_/);
    expect(one.code).not.toBe(two.code);
    isPage(await allow(first));
  });
});

describe("what a request decides", () => {
  const idTokenOf = async (app: App, answer: LightMyRequestResponse, verifier: string) => {
    const { code = "" } = answerIn(answer);
    const fields = {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    };
    const response = await post(app, "/oauth/token", { ...fields, ...credentials(client) });
    return JSON.parse(Buffer.from(response.json().id_token.split(".")[1], "base64url").toString());
  };

  test("Core section 3.1.2.1: prompt login asks again in a fresh session, and auth_time is the new proof's", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await agree(visitor, email, authorizeUrl(client));
    expect(answerIn(await visitor.get(authorizeUrl(client))).code).toBeDefined();
    const verifier = newVerifier();
    for (const changes of [{ prompt: "login" }, { max_age: "0" }, { max_age: "10" }]) {
      setting.clock.advance(30_000);
      const asked = await visitor.get(authorizeUrl(client, changes, verifier));
      const page = await visitor.get(ours(target(asked)));
      expect(target(page)).toContain("/account/confirm");
      setting.clock.advance(30_000);
      const answer = await agree(visitor, email, ours(target(asked)));
      const { auth_time } = await idTokenOf(app, answer, verifier);
      expect(auth_time).toBe(Math.floor(setting.clock.now().getTime() / 1_000));
    }
    expect(answerIn(await visitor.get(authorizeUrl(client, { max_age: "3600" }))).code).toBeDefined();
    setting.clock.advance(20_000);
    isError(await visitor.get(authorizeUrl(client, { prompt: "none", max_age: "10" })), "login_required");
  });

  test("Core section 3.1.2.1: prompt consent and a wider scope ask; what was agreed to does not", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await agree(visitor, email, authorizeUrl(client));
    expect(answerIn(await visitor.get(authorizeUrl(client))).code).toBeDefined();
    for (const changes of [{ prompt: "consent" }, { prompt: "select_account" }, { scope: "openid notes" }]) {
      const page = await visitor.get(ours(target(await visitor.get(authorizeUrl(client, changes)))));
      expect([page.statusCode, page.body.includes("asks for access")]).toEqual([200, true]);
    }
  });

  test("RFC 8252 section 8.6: a public app on a device is never let in silently", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    const native = await makeClient(setting, { type: "public", redirectUris: ["com.example.app:/callback"] });
    const redirect_uri = "com.example.app:/callback";
    await agree(visitor, email, authorizeUrl(native, { redirect_uri }));
    const page = await visitor.get(ours(target(await visitor.get(authorizeUrl(native, { redirect_uri })))));
    expect(page.body).toContain("asks for access");
    const silent = await visitor.get(authorizeUrl(native, { redirect_uri, prompt: "none" }));
    expect(answerIn(silent).error).toBe("consent_required");
  });

  test("Core section 5.5.1.1: an essential acr that can't be reached is an error; a voluntary one is not", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await agree(visitor, email, authorizeUrl(client));
    expect(answerIn(await visitor.get(authorizeUrl(client, { acr_values: "2" }))).code).toBeDefined();
    for (const value of ["2", "urn:other"]) {
      const claims = JSON.stringify({ id_token: { acr: { essential: true, value } } });
      isError(await visitor.get(authorizeUrl(client, { claims })), "unmet_authentication_requirements");
    }
  });

  test("Core section 3.1.2.2: a hint of another user is an error, also one that has expired", async () => {
    const app = await setting.app({ oauth: true });
    const [ada, eve] = [await makeVisitor(setting, app), await makeVisitor(setting, app)];
    const verifier = newVerifier();
    const answer = await agree(ada.visitor, ada.email, authorizeUrl(client, {}, verifier));
    const { code = "" } = answerIn(answer);
    const fields = { grant_type: "authorization_code", code, code_verifier: verifier };
    const { id_token } = (await post(app, "/oauth/token", { ...fields, ...credentials(client) })).json();
    await agree(eve.visitor, eve.email, authorizeUrl(client));
    setting.clock.advance(3_600_000);
    const url = authorizeUrl(client, { id_token_hint: id_token, prompt: "none" });
    expect(answerIn(await ada.visitor.get(url)).code).toBeDefined();
    isError(await eve.visitor.get(url), "login_required");
  });

  test("OAuth 2.0 Form Post Response Mode: the answer is a form that sends itself, also an error", async () => {
    const app = await setting.app({ oauth: true });
    const { visitor, email } = await makeVisitor(setting, app);
    await agree(visitor, email, authorizeUrl(client));
    const state = `a"b<c>&'`;
    const response = await visitor.get(authorizeUrl(client, { response_mode: "form_post", state }));
    expect(response.body).toContain(`<form method="post" action="${redirectUri}" data-auto`);
    expect(response.body).toMatch(/name="code" value="idc_/);
    expect(response.body).toContain("a&quot;b&lt;c>&amp;");
    expect(response.headers["content-security-policy"]).not.toContain("form-action");
    const error = await visitor.get(
      authorizeUrl(client, { response_mode: "form_post", prompt: "none login" }),
    );
    expect(error.body).toContain(`name="error" value="invalid_request"`);
    expect(error.body).toContain(`name="iss" value="${issuer}"`);
  });

  test("RFC 6749 section 4.1.2: the state comes back byte for byte, behind what the redirect URI has already", async () => {
    const app = await setting.app({ oauth: true });
    const redirect_uri = "https://app.example.com/callback?tenant=a%20b";
    const queried = await makeClient(setting, { redirectUris: [redirect_uri] });
    const { visitor, email } = await makeVisitor(setting, app);
    const state = "ä ö+&=%20#\u{1f512}";
    const answer = await agree(visitor, email, authorizeUrl(queried, { redirect_uri, state }));
    expect(target(answer).startsWith(`${redirect_uri}&`)).toBe(true);
    expect(answerIn(answer)).toMatchObject({ state, tenant: "a b" });
  });
});
