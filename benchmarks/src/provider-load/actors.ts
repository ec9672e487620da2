import * as oidc from "openid-client";
import { refresher } from "./refresher.js";
import {
  authorizeAt,
  expectRefusal,
  expectThat,
  makeClient,
  makePerson,
  type Person,
  type RegisteredClient,
  redirectUri,
  type World,
} from "./world.js";

/** One round of a client; it throws for an answer that is wrong. */
export type Round = () => Promise<void>;

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

async function discover(
  world: World,
  { clientId }: RegisteredClient,
  authentication: oidc.ClientAuth,
): Promise<oidc.Configuration> {
  return oidc.discovery(new URL(world.issuer), clientId, undefined, authentication, {
    [oidc.customFetch]: world.balancer.fetch as never,
    // Signatures are verified by the published keys, whichever instance gives them.
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
  });
}

/** The error of an answer to a request that no client of ours would send. */
async function errorOf({ balancer }: World, url: string, options: RequestInit): Promise<unknown> {
  const answer = await balancer.fetch(url, options);
  return ((await answer.json()) as { error?: unknown }).error;
}

interface Begun {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly parameters: Record<string, string>;
}

async function begin(scope: string): Promise<Begun> {
  const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
  const code_challenge = await oidc.calculatePKCECodeChallenge(verifier);
  const parameters = { redirect_uri: redirectUri, scope, state, nonce, code_challenge };
  return { verifier, state, nonce, parameters: { ...parameters, code_challenge_method: "S256" } };
}

/** Signs in with a code and PKCE, reads UserInfo, and shows the code again, which ends what it gave. */
async function signsIn(world: World, person: Person): Promise<Round> {
  const client = await makeClient(world, person.userId, {});
  const config = await discover(world, client, oidc.ClientSecretBasic(client.clientSecret));
  const sub = person.userId.toHexString();
  return async () => {
    const { verifier, state, nonce, parameters } = await begin("openid email");
    const answer = await authorizeAt(world, person, oidc.buildAuthorizationUrl(config, parameters));
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
    const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
    expectThat("the subject of an id_token", tokens.claims()?.sub === sub, tokens.claims());
    const { email } = await oidc.fetchUserInfo(config, tokens.access_token, sub);
    expectThat("UserInfo", typeof email === "string", email);
    await expectRefusal("a code that was used", "invalid_grant", () =>
      oidc.authorizationCodeGrant(config, answer, checks),
    );
    const told = await oidc.tokenIntrospection(config, tokens.access_token);
    expectThat("the token of a code that was used twice", told.active === false, told);
  };
}

/** Pushes its request and binds its tokens to a key; a proof that was used is refused. */
async function pushes(world: World, person: Person): Promise<Round> {
  const bound = { accessTokenFormat: "jwt", requiresPushedRequests: true, requiresDpop: true } as const;
  const client = await makeClient(world, person.userId, bound);
  const config = await discover(world, client, oidc.ClientSecretPost(client.clientSecret));
  let sent: { url: string; options: RequestInit } | undefined;
  config[oidc.customFetch] = (async (url: string, options: RequestInit) => {
    if (url.endsWith("/oauth/token")) sent = { url, options };
    return world.balancer.fetch(url, options);
  }) as never;
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256"));
  const sub = person.userId.toHexString();
  return async () => {
    const { verifier, state, nonce, parameters } = await begin("openid email");
    const url = await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    expectThat("a pushed request", url.searchParams.has("request_uri"), url.href);
    const answer = await authorizeAt(world, person, url);
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
    const tokens = await oidc.authorizationCodeGrant(config, answer, checks, undefined, { DPoP });
    expectThat("the type of a token that is bound", tokens.token_type === "dpop", tokens.token_type);
    await oidc.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
    const { url: endpoint, options } = sent ?? { url: "", options: {} };
    const again = await errorOf(world, endpoint, options);
    expectThat("a proof that was used", again === "invalid_dpop_proof", again);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const bare = await errorOf(world, `${world.issuer}/oauth/userinfo`, { headers });
    expectThat("UserInfo without a proof", bare === "invalid_token", bare);
  };
}

/** Connects a device, which its user allows or denies. */
async function connects(world: World, person: Person): Promise<Round> {
  const client = await makeClient(world, person.userId, {
    type: "public",
    redirectUris: [],
    grantTypes: [deviceGrant],
  });
  const config = await discover(world, client, oidc.None());
  let rounds = 0;
  return async () => {
    rounds += 1;
    const approved = rounds % 3 !== 0;
    const codes = await oidc.initiateDeviceAuthorization(config, { scope: "openid notes" });
    const decision = { userCode: codes.user_code, userId: person.userId, approved };
    const decided = await world.identity.oauth.decideOnDevice(decision);
    expectThat("a decision on a device", decided, codes.user_code);
    const poll = () => oidc.pollDeviceAuthorizationGrant(config, codes);
    if (!approved) return expectRefusal("a device that was denied", "access_denied", poll);
    const tokens = await poll();
    expectThat("the subject of a device", tokens.claims()?.sub === person.userId.toHexString());
    await expectRefusal("a device code that was used", "invalid_grant", poll);
  };
}

/** Acts for itself; a token that was revoked is over at once, wherever it is shown. */
async function revokes(world: World, person: Person): Promise<Round> {
  const client = await makeClient(world, person.userId, {
    grantTypes: ["client_credentials"],
    redirectUris: [],
    scopes: ["notes"],
  });
  const { clientId: client_id, clientSecret } = client;
  const config = await discover(world, client, oidc.ClientSecretPost(clientSecret));
  return async () => {
    const { access_token } = await oidc.clientCredentialsGrant(config, { scope: "notes" });
    const before = await oidc.tokenIntrospection(config, access_token);
    expectThat("a token", before.active === true && before.scope === "notes", before);
    await oidc.tokenRevocation(config, access_token);
    for (let time = 0; time < 2; time++) {
      const after = await oidc.tokenIntrospection(config, access_token);
      expectThat("a token that was revoked", after.active === false, after);
    }
    const body = new URLSearchParams({ client_id, client_secret: "wrong", grant_type: "client_credentials" });
    const stranger = await errorOf(world, `${world.issuer}/oauth/token`, { method: "POST", body });
    expectThat("a wrong secret", stranger === "invalid_client", stranger);
  };
}

type Maker = (world: World, person: Person) => Promise<Round>;

/** The kinds of clients, by what they do. */
export const actors = {
  "code with PKCE": signsIn,
  "refresh, JWT by the published keys": refresher,
  "PAR and DPoP": pushes,
  device: connects,
  "client credentials, introspection, revocation": revokes,
} as const satisfies Readonly<Record<string, Maker>>;

export type ActorKind = keyof typeof actors;

export async function makeActor(world: World, kind: ActorKind): Promise<Round> {
  return actors[kind](world, await makePerson(world));
}
