// The modules of the OpenID Foundation's conformance suite for providers (plans oidcc-basic, oidcc-formpost-basic, oidcc-config,
// oidcc-rp-initiated-logout), by the names that they have there; those that other tests here hold are listed in README.md.
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { formToken, type Visitor } from "../pages/visitor.js";
import { issuer, password, useIdentity } from "../support.js";
import {
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
let app: FastifyInstance;
beforeEach(async () => {
  app = await setting.app({ oauth: true });
});

const unescaped = (text: string) =>
  text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");

/** The answer that a page sends to the app by itself (OAuth 2.0 Form Post Response Mode). */
function formAnswer({ body }: LightMyRequestResponse): Record<string, string> | undefined {
  if (!body.includes(`action="${redirectUri}"`)) return undefined;
  const fields = [...body.matchAll(/name="([^"]*)" value="([^"]*)"/g)];
  return Object.fromEntries(fields.map(([, name = "", value = ""]) => [name, unescaped(value)]));
}

/** Goes through what the provider asks; `asked` are the pages at which somebody had to do something. */
async function ask(visitor: Visitor, email: string, response: LightMyRequestResponse) {
  const asked: string[] = [];
  let at = response;
  for (let step = 0; step < 12; step++) {
    const byForm = formAnswer(at);
    const to = target(at);
    if (byForm) return { answer: byForm, asked };
    if (to && !to.startsWith("/") && !to.startsWith(issuer)) return { answer: answerIn(at), asked };
    const path = to ? ours(to) : (at.raw.req.url ?? "");
    if (to.includes("/sign-in")) asked.push("sign_in");
    else if (to.includes("/confirm")) asked.push("confirm");
    else if (!to) asked.push("consent");
    if (to && !/\/(sign-in|confirm)\b/.test(to)) at = await visitor.get(path);
    else if (to.includes("/sign-in")) at = await signIn(visitor, email, path);
    else if (to.includes("/confirm")) at = await visitor.send(path, { password });
    else at = await visitor.post(path, { form_token: formToken(at.body), decision: "allow" });
  }
  throw new Error(`no answer: ${at.statusCode}`);
}

interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
  readonly refresh_token: string;
  readonly scope: string;
}

async function exchange(client: Client, code = "", verifier = ""): Promise<LightMyRequestResponse> {
  const fields = {
    grant_type: "authorization_code",
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  };
  const { client_id = "", client_secret = "" } = credentials(client);
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}`;
  return post(app, "/oauth/token", fields, { authorization });
}

async function claimsOf(idToken: string, client: Client) {
  const keys = createLocalJWKSet((await app.inject("/oauth/jwks")).json());
  const options = { issuer, audience: client.clientId, currentDate: setting.clock.now() };
  return (await jwtVerify(idToken, keys, options)).payload;
}

/** A sign-in of a new person, with what came of it. */
async function signedIn(mode: string, changes: Record<string, string | undefined> = {}, known?: Client) {
  const client = known ?? (await makeClient(setting));
  const person = await makeVisitor(setting, app);
  const again = async (more: Record<string, string | undefined>) => {
    const verifier = newVerifier();
    const url = authorizeUrl(client, { response_mode: mode, nonce: "n", ...changes, ...more }, verifier);
    const { answer, asked } = await ask(person.visitor, person.email, await person.visitor.get(url));
    const response = await exchange(client, answer.code, verifier);
    const tokens = response.json() as Tokens;
    return { answer, asked, response, tokens, claims: await claimsOf(tokens.id_token, client) };
  };
  return { client, ...person, again, ...(await again({})) };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const userInfo = async (token: string) =>
  (await app.inject({ url: "/oauth/userinfo", headers: bearer(token) })).json();

describe.each(["query", "form_post"])("basic, response_mode %s", (mode) => {
  test("oidcc-server, oidcc-idtoken-signature, oidcc-ensure-request-with-valid-pkce-succeeds", async () => {
    const { answer, response, tokens, claims, userId } = await signedIn(mode);
    expect(answer).toEqual({ code: expect.any(String), state: "a state", iss: issuer });
    expect(response.headers).toMatchObject({ "cache-control": "no-store", pragma: "no-cache" });
    expect(response.headers["content-type"]).toMatch(/^application\/json/);
    expect(claims).toMatchObject({ sub: userId.toHexString(), nonce: "n", at_hash: expect.any(String) });
    const { keys } = (await app.inject("/oauth/jwks")).json();
    const { kid, alg } = decodeProtectedHeader(tokens.id_token);
    expect(alg).toBe("RS256");
    expect(keys.filter((key: { kid: string }) => key.kid === kid)).toHaveLength(1);
  });

  test("oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body", async () => {
    const { tokens, userId } = await signedIn(mode);
    const { access_token } = tokens;
    const answers = [
      await app.inject({ url: "/oauth/userinfo", headers: bearer(access_token) }),
      await app.inject({ method: "POST", url: "/oauth/userinfo", headers: bearer(access_token) }),
      await post(app, "/oauth/userinfo", { access_token }),
    ];
    for (const answer of answers) expect(answer.json()).toEqual({ sub: userId.toHexString() });
  });

  test("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", async () => {
    expect((await signedIn(mode, { nonce: undefined })).claims).not.toHaveProperty("nonce");
  });

  test("oidcc-scope-profile, -email, -all, oidcc-ensure-other-scope-order-succeeds", async () => {
    const info = async (scope: string) => userInfo((await signedIn(mode, { scope })).tokens.access_token);
    expect(await info("openid profile")).toMatchObject({ name: expect.any(String) });
    expect(await info("openid email")).toMatchObject({ email: expect.any(String), email_verified: false });
    const all = await info("email profile openid");
    expect(all).toMatchObject({ name: expect.any(String), email: expect.any(String) });
    const { claims_supported } = (await app.inject("/.well-known/openid-configuration")).json();
    expect(claims_supported).toEqual(expect.arrayContaining(Object.keys(all)));
  });

  test.each([
    ["oidcc-display-page", { display: "page" }],
    ["oidcc-display-popup", { display: "popup" }],
    ["oidcc-ensure-request-with-unknown-parameter-succeeds", { extra: "foobar" }],
    ["oidcc-ui-locales", { ui_locales: "se fr" }],
    ["oidcc-claims-locales", { claims_locales: "se" }],
    ["oidcc-ensure-request-with-acr-values-succeeds", { acr_values: "1 2" }],
  ])("%s", async (_module, changes) => {
    expect((await signedIn(mode, changes)).response.statusCode).toBe(200);
  });

  test("oidcc-prompt-login", async () => {
    const { again, claims } = await signedIn(mode);
    setting.clock.advance(2_000);
    const second = await again({ prompt: "login" });
    expect(second.asked).toEqual(["confirm"]);
    expect(Number(second.claims.auth_time)).toBeGreaterThan(Number(claims.auth_time));
  });

  test("oidcc-prompt-none-logged-in, oidcc-id-token-hint", async () => {
    const { again, claims, tokens } = await signedIn(mode);
    setting.clock.advance(2_000);
    for (const more of [{ prompt: "none" }, { prompt: "none", id_token_hint: tokens.id_token }]) {
      const second = await again(more);
      expect(second.asked).toEqual([]);
      expect(second.claims).toMatchObject({ sub: claims.sub, auth_time: claims.auth_time });
    }
  });

  test("oidcc-max-age-1, oidcc-max-age-10000", async () => {
    const { again } = await signedIn(mode);
    const first = await again({ max_age: "10000" });
    setting.clock.advance(2_000);
    const kept = await again({ max_age: "10000" });
    expect([kept.asked, kept.claims.auth_time]).toEqual([[], first.claims.auth_time]);
    const renewed = await again({ max_age: "1" });
    expect(renewed.asked).toEqual(["confirm"]);
    expect(Number(renewed.claims.auth_time)).toBeGreaterThan(Number(kept.claims.auth_time));
  });

  test("oidcc-login-hint", async () => {
    const { visitor } = await makeVisitor(setting, app);
    const client = await makeClient(setting);
    const url = authorizeUrl(client, { response_mode: mode, login_hint: "buffy@example.com" });
    const page = await visitor.get(ours(target(await visitor.get(ours(target(await visitor.get(url)))))));
    expect(page.body).toContain('value="buffy@example.com"');
  });

  test("oidcc-ensure-post-request-succeeds", async () => {
    const client = await makeClient(setting);
    const { visitor, email } = await makeVisitor(setting, app);
    const verifier = newVerifier();
    const [, query = ""] = authorizeUrl(client, { response_mode: mode }, verifier).split("?");
    const fields = Object.fromEntries(new URLSearchParams(query));
    const crossSite = { "sec-fetch-site": "cross-site", origin: "https://app.example.com" };
    const begun = await visitor.post("/oauth/authorize", fields, crossSite);
    expect(begun.statusCode).toBe(303);
    const { answer } = await ask(visitor, email, await visitor.get(ours(target(begun))));
    expect((await exchange(client, answer.code, verifier)).statusCode).toBe(200);
  });

  test("oidcc-claims-essential: told where its scope was agreed to; not to be had is no error (Core section 5.5)", async () => {
    const claims = JSON.stringify({ userinfo: { name: { essential: true } }, id_token: { email: null } });
    const without = await signedIn(mode, { claims });
    expect(Object.keys(await userInfo(without.tokens.access_token))).toEqual(["sub"]);
    const agreed = await signedIn(mode, { claims, scope: "openid profile email" });
    expect(await userInfo(agreed.tokens.access_token)).toMatchObject({ name: expect.any(String) });
    expect(agreed.claims).toMatchObject({ email: agreed.email });
  });

  test("oidcc-refresh-token", async () => {
    const { client, tokens, claims } = await signedIn(mode, { scope: "openid offline_access" });
    const refresh = (of: Client) =>
      post(app, "/oauth/token", {
        grant_type: "refresh_token",
        refresh_token: tokens.refresh_token,
        ...credentials(of),
      });
    expect((await refresh(await makeClient(setting))).json().error).toBe("invalid_grant");
    setting.clock.advance(1_000);
    const refreshed = (await refresh(client)).json() as Tokens;
    expect(refreshed.access_token).not.toBe(tokens.access_token);
    const { iss, sub, aud, auth_time, iat } = await claimsOf(refreshed.id_token, client);
    expect({ iss, sub, aud, auth_time }).toEqual({
      iss: claims.iss,
      sub: claims.sub,
      aud: claims.aud,
      auth_time: claims.auth_time,
    });
    expect(Number(iat)).toBeGreaterThan(Number(claims.iat));
  });
});

test("oidcc-idtoken-unsigned: no app can be registered for id_tokens without a signature", async () => {
  const unsigned = { idTokenAlgorithm: "none" as never };
  await expect(makeClient(setting, unsigned)).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("oidcc-ensure-request-object-with-redirect-uri: a request object is refused, whatever is in it", async () => {
  const client = await makeClient(setting);
  const { visitor } = await makeVisitor(setting, app);
  const object = Buffer.from(JSON.stringify({ redirect_uri: "https://evil.example/" })).toString("base64url");
  const answer = await visitor.get(authorizeUrl(client, { request: `e30.${object}.` }));
  expect(target(answer)).toMatch(new RegExp(`^${redirectUri}\\?error=request_not_supported`));
});

test("oidcc-discovery-endpoint-verification (config)", async () => {
  const answer = await app.inject("/.well-known/openid-configuration");
  expect(answer.headers["content-type"]).toMatch(/^application\/json/);
  const wrong = await app.inject({ method: "POST", url: "/.well-known/openid-configuration" });
  expect([wrong.statusCode, wrong.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
  const metadata = answer.json();
  expect(metadata).toMatchObject({
    issuer,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: expect.arrayContaining(["RS256"]),
    scopes_supported: expect.arrayContaining(["openid"]),
    claims_supported: expect.arrayContaining(["sub", "iss"]),
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  });
  for (const [name, value] of Object.entries(metadata)) {
    if (/_(endpoint|uri)$/.test(name))
      expect([name, value]).toEqual([name, expect.stringMatching(/^https:/)]);
    // Discovery section 4.2: what has no elements is left out.
    if (Array.isArray(value)) expect([name, value.length > 0]).toEqual([name, true]);
  }
});

describe("RP-initiated logout", () => {
  const bye = "https://app.example.com/bye";
  const begun = async () => {
    const client = await makeClient(setting, { postLogoutRedirectUris: [bye] });
    const made = await signedIn("query", {}, client);
    const { visitor, tokens } = made;
    const leave = (fields: Record<string, string>) =>
      visitor.get(`/oauth/logout?${new URLSearchParams(fields)}`);
    const isSignedIn = async () => (await visitor.get("/account/security")).statusCode === 200;
    return { ...made, leave, isSignedIn, id_token_hint: tokens.id_token };
  };

  test("oidcc-rp-initiated-logout, and -no-state", async () => {
    for (const [more, place] of [
      [{ state: "a b" }, `${bye}?state=a+b`],
      [{}, bye],
    ] as const) {
      const { leave, isSignedIn, id_token_hint } = await begun();
      const answer = await leave({ id_token_hint, post_logout_redirect_uri: bye, ...more });
      expect([answer.statusCode, target(answer)]).toEqual([303, place]);
      expect(await isSignedIn()).toBe(false);
    }
  });

  test("oidcc-rp-initiated-logout-no-post-logout-redirect-uri: signs out, and stays here", async () => {
    const { leave, isSignedIn, id_token_hint } = await begun();
    expect(target(await leave({ id_token_hint }))).toMatch(/^\/account\//);
    expect(await isSignedIn()).toBe(false);
  });

  test.each([
    ["-no-id-token-hint", () => ({ post_logout_redirect_uri: bye, state: "s" })],
    ["-no-params", () => ({})],
    ["-only-state", () => ({ state: "s" })],
    ["-bad-id-token-hint", () => ({ id_token_hint: "not.a.jwt", post_logout_redirect_uri: bye, state: "s" })],
    [
      "-modified-id-token-hint",
      (hint: string) => {
        const [head, body = "", signature] = hint.split(".");
        const claims = { ...JSON.parse(String(Buffer.from(body, "base64url"))), extra: true };
        const changed = Buffer.from(JSON.stringify(claims)).toString("base64url");
        return { id_token_hint: `${head}.${changed}.${signature}`, post_logout_redirect_uri: bye };
      },
    ],
    [
      "-bad-post-logout-redirect-uri",
      (hint: string) => ({ id_token_hint: hint, post_logout_redirect_uri: `${bye}/bad` }),
    ],
    [
      "-query-added-to-post-logout-redirect-uri",
      (hint: string) => ({ id_token_hint: hint, post_logout_redirect_uri: `${bye}?foo=bar` }),
    ],
  ])(
    "oidcc-rp-initiated-logout%s: leads nowhere but here, and signs nobody out without asking",
    async (_name, fields) => {
      const { leave, isSignedIn, id_token_hint } = await begun();
      const answer = await leave(fields(id_token_hint) as Record<string, string>);
      expect(target(answer)).not.toMatch(/^https:\/\/app/);
      expect([303, 400]).toContain(answer.statusCode);
      expect(await isSignedIn()).toBe(true);
    },
  );
});
