import { randomKey, sha256Text } from "../src/core/secrets.js";
import type {
  AppRegistration,
  AuthenticatedClient,
  Authorization,
  AuthorizationRequest,
  IdentityModels,
  OAuthPolicyInput,
  TokenResult,
  TokensGranted,
  UserDocument,
} from "../src/index.js";
import { registerApp } from "../src/oauth/apps.js";
import { issueAuthorizationCode } from "../src/oauth/authorize.js";
import { authenticateClient } from "../src/oauth/clients.js";
import { grantConsent } from "../src/oauth/consents.js";
import { exchangeAuthorizationCode } from "../src/oauth/exchange.js";
import { refreshAppToken } from "../src/oauth/refresh.js";
import { contextAt } from "./context.js";
import { makeUser } from "./database.js";
import { now } from "./moment.js";

export const redirectUri = "https://app.example.com/callback";

export interface World {
  user: UserDocument;
  client: AuthenticatedClient;
  clientSecret: string | undefined;
  /** The app's authorization request, with a verifier to its challenge. */
  request: AuthorizationRequest;
  verifier: string;
}

/** A user, and an app of somebody else that the user has consented to. */
export async function makeWorld(
  models: IdentityModels,
  registration: Partial<AppRegistration> = {},
): Promise<World> {
  const [user, owner] = [await makeUser(models), await makeUser(models)];
  const { app, clientSecret } = await registerApp(contextAt(models, now), {
    ownerId: owner._id,
    name: "Notes",
    type: "confidential",
    redirectUris: [redirectUri],
    scopes: ["profile", "repo"],
    ...registration,
  });
  await grantConsent(contextAt(models, now), {
    userId: user._id,
    appId: app._id,
    scopes: ["profile", "repo"],
  });
  const verifier = randomKey();
  return {
    user,
    client: await authenticated(models, app.clientId, clientSecret),
    clientSecret,
    request: {
      responseType: "code",
      clientId: app.clientId,
      redirectUri,
      scope: "profile repo",
      codeChallenge: sha256Text(verifier),
      codeChallengeMethod: "S256",
    },
    verifier,
  };
}

async function authenticated(models: IdentityModels, clientId: string, clientSecret: string | undefined) {
  const answer = await authenticateClient(contextAt(models, now), { clientId, clientSecret });
  if (!answer.ok) throw new Error("the client is not authenticated");
  return answer.client;
}

/** Asks for a code. */
export function authorize(
  models: IdentityModels,
  world: World,
  changes: Partial<AuthorizationRequest> = {},
  at = now,
): Promise<Authorization> {
  const request = { ...world.request, ...changes, userId: world.user._id };
  return issueAuthorizationCode(contextAt(models, at), request);
}

/** Gets a code. */
export async function codeFor(
  models: IdentityModels,
  world: World,
  changes: Partial<AuthorizationRequest> = {},
): Promise<string> {
  const answer = await authorize(models, world, changes);
  if (!answer.ok) throw new Error(`no code: ${answer.reason}`);
  return answer.code;
}

/** Exchanges a code as its client does. */
export function exchange(
  models: IdentityModels,
  world: World,
  code: unknown,
  at = now,
): Promise<TokenResult> {
  const { client, verifier: codeVerifier } = world;
  return exchangeAuthorizationCode(contextAt(models, at), { client, code, redirectUri, codeVerifier });
}

export function refresh(
  models: IdentityModels,
  world: World,
  refreshToken: unknown,
  at = now,
  policy: OAuthPolicyInput = {},
): Promise<TokenResult> {
  return refreshAppToken(contextAt(models, at, { oauth: policy }), { client: world.client, refreshToken });
}

/** Gets tokens. */
export async function tokensFor(
  models: IdentityModels,
  world: World,
): Promise<TokensGranted & { refreshToken: string; code: string }> {
  const code = await codeFor(models, world);
  return { ...granted(await exchange(models, world, code)), code };
}

export function granted(result: TokenResult): TokensGranted & { refreshToken: string } {
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return { ...result, refreshToken: result.refreshToken ?? "" };
}
