// Clients that nobody here wrote, each in every flow that it has.
import { Auth } from "@auth/core";
import oauthPlugin from "@fastify/oauth2";
import type { AppRegistration } from "@org/db-models";
import { signInAndAgree } from "@org/dev-kit/form-browser";
import { freePort } from "@org/dev-kit/free-port";
import express from "express";
import session from "express-session";
import { fastify } from "fastify";
import passport from "passport";
import { Strategy as OAuth2Strategy } from "passport-oauth2";
import OpenIdStrategy from "passport-openidconnect";
import { AuthorizationCode, ClientCredentials } from "simple-oauth2";
import { afterEach, describe, expect, test } from "vitest";
import { useRealProvider } from "./real-provider.js";
import { makeClient } from "./world.js";

const provider = useRealProvider();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An address on loopback that an app is about to listen on. */
async function place() {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  return { port, origin, callback: `${origin}/callback` };
}

const json = (page: { html: string }) => JSON.parse(page.html) as Record<string, unknown>;

test("@fastify/oauth2: discovery, code with PKCE, UserInfo, refresh, revocation", async () => {
  const { port, origin, callback } = await place();
  const { clientId, clientSecret } = await makeClient(provider.setting, { redirectUris: [callback] });
  const app = fastify();
  closing.push(() => app.close());
  await app.register(oauthPlugin, {
    name: "ours",
    credentials: { client: { id: clientId, secret: clientSecret ?? "" } },
    startRedirectPath: "/login",
    callbackUri: callback,
    scope: ["openid", "email", "offline_access"],
    pkce: "S256",
    discovery: { issuer: provider.origin },
    // By default it sets cookies for https only.
    cookie: { secure: false, path: "/" },
  });
  const { ours } = app as typeof app & { ours: oauthPlugin.OAuth2Namespace };
  app.get("/callback", async (request, reply) => {
    const { token } = await ours.getAccessTokenFromAuthorizationCodeFlow(request, reply);
    const info = (await ours.userinfo(token)) as { sub: string; email: string };
    const refreshed = await ours.getNewAccessTokenUsingRefreshToken(token, {});
    await ours.revokeAllToken(refreshed.token, {});
    const after = await ours.getNewAccessTokenUsingRefreshToken(refreshed.token, {}).catch(() => "refused");
    return { token, info, rotated: refreshed.token.refresh_token !== token.refresh_token, after };
  });
  await app.listen({ port, host: "127.0.0.1" });
  const person = await provider.person();
  const isDone = (url: string) => url.startsWith(`${origin}/done`);
  const before = await signInAndAgree(person.browser, `${origin}/login`, person, (url) =>
    url.startsWith(callback),
  );
  const result = json(await person.browser.open(before.url, isDone));
  expect(result).toMatchObject({
    info: { sub: person.userId, email: person.email },
    rotated: true,
    after: "refused",
    token: { token_type: "Bearer", scope: "email offline_access openid" },
  });
});

/** A web app with a strategy of passport; answers with what the strategy made of the sign-in. */
async function passportApp(strategy: passport.Strategy, port: number) {
  const app = express();
  const own = new passport.Passport();
  own.use("ours", strategy);
  app.use(session({ secret: "a secret of the app", resave: false, saveUninitialized: false }));
  const authenticate = own.authenticate("ours", { session: false, failWithError: true });
  app.get("/login", authenticate);
  app.get("/callback", authenticate, (request, response) => void response.json(request.user));
  const server = app.listen(port, "127.0.0.1");
  closing.push(() => new Promise((done) => server.close(done)));
}

test("passport-oauth2: code with PKCE and a state that it keeps", async () => {
  const { port, origin, callback } = await place();
  const { clientId, clientSecret = "" } = await makeClient(provider.setting, { redirectUris: [callback] });
  const settings = {
    authorizationURL: `${provider.origin}/oauth/authorize`,
    tokenURL: `${provider.origin}/oauth/token`,
    clientID: clientId,
    clientSecret,
    callbackURL: callback,
    scope: ["notes", "offline_access"],
    pkce: true,
    state: true,
  };
  const verify = (access: string, refresh: string, _profile: object, done: (e: null, user: object) => void) =>
    done(null, { access, refresh });
  await passportApp(new OAuth2Strategy(settings, verify), port);
  const person = await provider.person();
  const at = await signInAndAgree(person.browser, `${origin}/login`, person, (url) =>
    url.startsWith(callback),
  );
  const user = json(await person.browser.open(at.url));
  const checked = await provider.setting.identity.oauth.validate(String(user.access));
  expect(checked).toMatchObject({ ok: true, token: { clientId, scopes: ["notes", "offline_access"] } });
  expect(user.refresh).toMatch(/^idr_/);
});

describe("passport-openidconnect, which knows no PKCE", () => {
  async function begun(registration: Partial<AppRegistration>) {
    const { origin: issuer, setting, person } = provider;
    const { port, origin, callback } = await place();
    const { clientId, clientSecret = "" } = await makeClient(setting, {
      redirectUris: [callback],
      ...registration,
    });
    const settings = {
      issuer,
      authorizationURL: `${issuer}/oauth/authorize`,
      tokenURL: `${issuer}/oauth/token`,
      userInfoURL: `${issuer}/oauth/userinfo`,
      clientID: clientId,
      clientSecret,
      callbackURL: callback,
      scope: ["profile", "email"],
      skipUserProfile: false,
    };
    const verify = (_issuer: string, profile: object, done: (e: null, user: object) => void) =>
      done(null, profile);
    await passportApp(new OpenIdStrategy(settings, verify), port);
    const somebody = await person();
    const isApp = (url: string) => url.startsWith(callback);
    const { url } = await signInAndAgree(somebody.browser, `${origin}/login`, somebody, isApp);
    return { somebody, url };
  }

  test("is told why it is refused", async () => {
    const { url } = await begun({});
    expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
      error: "invalid_request",
      error_description: "code_challenge is missing",
    });
  });

  test("signs somebody in where its app may leave PKCE out", async () => {
    const { somebody, url } = await begun({ requiresPkce: false });
    expect(json(await somebody.browser.open(url))).toMatchObject({
      id: somebody.userId,
      displayName: "Ada",
      emails: [{ value: somebody.email }],
    });
  });
});

test("simple-oauth2: code, refresh, revocation, and an app that acts for itself", async () => {
  const { callback } = await place();
  const client = await makeClient(provider.setting, {
    redirectUris: [callback],
    grantTypes: ["authorization_code", "refresh_token", "client_credentials"],
  });
  for (const authorizationMethod of ["header", "body"] as const) {
    const auth = { tokenHost: provider.origin, tokenPath: "/oauth/token", revokePath: "/oauth/revoke" };
    const config = {
      client: { id: client.clientId, secret: client.clientSecret ?? "" },
      auth,
      options: { authorizationMethod },
    };
    const codes = new AuthorizationCode({ ...config, auth: { ...auth, authorizePath: "/oauth/authorize" } });
    const verifier = "v".repeat(43);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const url = codes.authorizeURL({
      redirect_uri: callback,
      scope: ["notes", "offline_access"],
      state: "s",
      code_challenge: Buffer.from(digest).toString("base64url"),
      code_challenge_method: "S256",
    } as never);
    const person = await provider.person();
    const at = await signInAndAgree(person.browser, url, person, (to) => to.startsWith(callback));
    const code = new URL(at.url).searchParams.get("code") ?? "";
    const tokens = await codes.getToken({ code, redirect_uri: callback, code_verifier: verifier } as never);
    const refreshed = await tokens.refresh();
    expect(refreshed.token.access_token).not.toBe(tokens.token.access_token);
    await refreshed.revokeAll();
    await expect(refreshed.refresh()).rejects.toMatchObject({
      data: { payload: { error: "invalid_grant" } },
    });
    const own = await new ClientCredentials(config).getToken({ scope: "notes" });
    expect(own.token).toMatchObject({ token_type: "Bearer", scope: "notes" });
    expect(own.token).not.toHaveProperty("refresh_token");
  }
});

test("Auth.js: a generic provider by its issuer, with PKCE, state and nonce", async () => {
  const { origin } = await place();
  const callback = `${origin}/auth/callback/ours`;
  const client = await makeClient(provider.setting, { redirectUris: [callback] });
  const config = {
    basePath: "/auth",
    secret: "a secret of the app",
    trustHost: true,
    providers: [
      {
        id: "ours",
        name: "Ours",
        type: "oidc" as const,
        issuer: provider.origin,
        clientId: client.clientId,
        clientSecret: client.clientSecret ?? "",
        checks: ["pkce" as const, "state" as const, "nonce" as const],
        authorization: { params: { scope: "openid profile email" } },
      },
    ],
    callbacks: {
      jwt: ({ token, account, profile }: { token: object; account?: object | null; profile?: object }) => ({
        ...token,
        ...(account && { account, profile }),
      }),
      session: ({ token }: { token: object }) => token as never,
    },
  };
  const cookies = new Map<string, string>();
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set("cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
    const response = await Auth(new Request(new URL(path, origin), { ...init, headers }), config);
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  const { csrfToken } = (await (await send("/auth/csrf")).json()) as { csrfToken: string };
  const begun = await send("/auth/signin/ours", { method: "POST", body: new URLSearchParams({ csrfToken }) });
  const person = await provider.person();
  const url = begun.headers.get("location") ?? "";
  const at = await signInAndAgree(person.browser, url, person, (to) => to.startsWith(callback));
  const finished = await send(at.url);
  expect([finished.status, finished.headers.get("location")]).toEqual([302, origin]);
  expect(await (await send("/auth/session")).json()).toMatchObject({
    account: { provider: "ours", providerAccountId: person.userId, token_type: "bearer" },
    profile: { sub: person.userId, iss: provider.origin, aud: client.clientId },
  });
});
