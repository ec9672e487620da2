// A client that nobody here wrote: openid-client, in every flow that it knows.
import * as oidc from "openid-client";
import { beforeAll, expect, test } from "vitest";
import { formToken } from "../pages/visitor.js";
import { issuer, useIdentity } from "../support.js";
import {
  agree,
  type Client,
  fetchOf,
  makeClient,
  makeVisitor,
  ours,
  redirectUri,
  signIn,
  target,
} from "./world.js";

const setting = useIdentity();
let client: Client;
beforeAll(async () => {
  client = await makeClient(setting, { resources: ["https://api.example.com/"] });
});

type App = Awaited<ReturnType<typeof setting.app>>;

const discover = (app: App, { clientId }: Client, authentication?: oidc.ClientAuth) =>
  oidc.discovery(new URL(issuer), clientId, undefined, authentication, {
    [oidc.customFetch]: fetchOf(app) as never,
  });

test("signs somebody in: discovery, code, id_token, UserInfo, refresh, revocation", async () => {
  const app = await setting.app({ oauth: true });
  const { email, visitor, userId } = await makeVisitor(setting, app);
  const config = await discover(app, client, oidc.ClientSecretPost(client.clientSecret ?? ""));
  expect(config.serverMetadata().issuer).toBe(issuer);
  const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: "openid profile email offline_access",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  });
  const answer = await agree(visitor, email, url.pathname + url.search);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(target(answer)), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
  });
  expect(tokens.claims()).toMatchObject({ iss: issuer, aud: client.clientId, nonce, acr: "1", amr: ["pwd"] });
  expect(tokens.claims()?.sub).toBe(userId.toHexString());
  const info = await oidc.fetchUserInfo(config, tokens.access_token, userId.toHexString());
  expect(info).toMatchObject({ sub: userId.toHexString(), email, email_verified: false });
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? "");
  expect(refreshed.claims()).toMatchObject({
    sub: userId.toHexString(),
    auth_time: tokens.claims()?.auth_time,
  });
  expect(refreshed.claims()).not.toHaveProperty("nonce");
  await oidc.tokenRevocation(config, refreshed.refresh_token ?? "");
  await expect(oidc.refreshTokenGrant(config, refreshed.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});

test("uses pushed requests, DPoP, resources and JWT access tokens", async () => {
  const app = await setting.app({ oauth: { dpopNonces: true } });
  const api = "https://api.example.com/";
  const bound = await makeClient(setting, {
    accessTokenFormat: "jwt",
    resources: [api, issuer],
    requiresPushedRequests: true,
    requiresDpop: true,
  });
  const { email, visitor, userId } = await makeVisitor(setting, app);
  const config = await discover(app, bound, oidc.ClientSecretBasic(bound.clientSecret ?? ""));
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256"), {
    [oidc.modifyAssertion]: (_header, payload) => {
      payload.iat = Math.floor(setting.clock.now().getTime() / 1_000);
    },
  });
  const verifier = oidc.randomPKCECodeVerifier();
  const request = new URLSearchParams({
    redirect_uri: redirectUri,
    scope: "openid email",
    resource: api,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  // UserInfo is the issuer's.
  request.append("resource", issuer);
  const url = await oidc.buildAuthorizationUrlWithPAR(config, request, { DPoP });
  expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
  const answer = await agree(visitor, email, url.pathname + url.search);
  const tokens = await oidc.authorizationCodeGrant(
    config,
    new URL(target(answer)),
    { pkceCodeVerifier: verifier },
    undefined,
    { DPoP },
  );
  expect(tokens.token_type).toBe("dpop");
  const [header = "", payload = ""] = tokens.access_token
    .split(".")
    .map((part) => Buffer.from(part, "base64url"));
  expect(JSON.parse(String(header))).toMatchObject({ typ: "at+jwt", alg: "RS256" });
  expect(JSON.parse(String(payload))).toMatchObject({
    iss: issuer,
    aud: [api, issuer],
    client_id: bound.clientId,
    sub: userId.toHexString(),
    scope: "email openid",
    cnf: { jkt: await DPoP.calculateThumbprint() },
  });
  const info = await oidc.fetchUserInfo(config, tokens.access_token, userId.toHexString(), { DPoP });
  expect(info.email).toBe(email);
  const introspected = await oidc.tokenIntrospection(config, tokens.access_token);
  expect(introspected).toMatchObject({ active: true, aud: [api, issuer], iss: issuer, token_type: "DPoP" });
  await oidc.tokenRevocation(config, tokens.access_token);
  expect(await oidc.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
});

test("acts for itself, with a key of its own instead of a secret", async () => {
  const app = await setting.app({ oauth: true });
  const keys = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const machine = await makeClient(setting, {
    grantTypes: ["client_credentials"],
    redirectUris: [],
    scopes: ["notes"],
    clientAuthentication: "private_key_jwt",
    publicKeys: [(await crypto.subtle.exportKey("jwk", keys.publicKey)) as never],
  });
  const atClock = {
    [oidc.modifyAssertion]: (_header: unknown, payload: { iat?: unknown; exp?: unknown; nbf?: unknown }) => {
      const now = Math.floor(setting.clock.now().getTime() / 1_000);
      Object.assign(payload, { iat: now, nbf: now, exp: now + 60 });
    },
  };
  const config = await discover(app, machine, oidc.PrivateKeyJwt(keys.privateKey, atClock));
  const tokens = await oidc.clientCredentialsGrant(config, { scope: "notes" });
  expect(tokens).toMatchObject({ token_type: "bearer", scope: "notes" });
  expect(tokens.refresh_token).toBeUndefined();
  expect(await setting.identity.oauth.validate(tokens.access_token)).toMatchObject({
    ok: true,
    token: { clientId: machine.clientId },
  });
});

test("connects a device", async () => {
  const app = await setting.app({ oauth: true });
  const television = await makeClient(setting, {
    type: "public",
    redirectUris: [],
    grantTypes: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
  });
  const { email, visitor, userId } = await makeVisitor(setting, app);
  const config = await discover(app, television, oidc.None());
  const codes = await oidc.initiateDeviceAuthorization(config, { scope: "openid notes" });
  expect(codes.verification_uri).toBe(`${issuer}/account/device`);
  await signIn(visitor, email);
  const page = await visitor.get(ours(codes.verification_uri_complete ?? ""));
  expect(page.body).toContain(codes.user_code);
  const asked = await visitor.post("/account/device", {
    form_token: formToken(page.body),
    user_code: codes.user_code.toLowerCase(),
  });
  expect(asked.body).toContain("Notes");
  const allowed = await visitor.post("/account/device/decision", {
    form_token: formToken(asked.body),
    user_code: codes.user_code,
    decision: "allow",
  });
  expect(allowed.statusCode).toBe(303);
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...codes, interval: 0.01 });
  expect(tokens.claims()?.sub).toBe(userId.toHexString());
  expect(tokens.refresh_token).toBeDefined();
});

test("signs out at the provider, and comes back", async () => {
  const app = await setting.app({ oauth: true });
  const bye = "https://app.example.com/bye";
  const own = await makeClient(setting, { postLogoutRedirectUris: [bye] });
  const { email, visitor } = await makeVisitor(setting, app);
  const config = await discover(app, own, oidc.ClientSecretPost(own.clientSecret ?? ""));
  const verifier = oidc.randomPKCECodeVerifier();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: "openid",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  const answer = await agree(visitor, email, url.pathname + url.search);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(target(answer)), {
    pkceCodeVerifier: verifier,
  });
  const end = oidc.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? "",
    post_logout_redirect_uri: bye,
    state: "s 1",
  });
  const left = await visitor.get(end.pathname + end.search);
  expect([left.statusCode, target(left)]).toEqual([303, `${bye}?state=s+1`]);
  expect((await visitor.get("/account")).statusCode).toBe(303);
  // Without offline_access its tokens end with the session (OpenID Connect Core section 11).
  await expect(oidc.refreshTokenGrant(config, tokens.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});
