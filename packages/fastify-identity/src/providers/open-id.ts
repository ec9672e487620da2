import * as client from "openid-client";
import { z } from "zod";
import { readOptions } from "../flows/options.js";
import {
  type IdentityProvider,
  type ProviderAttempt,
  ProviderError,
  type ProviderProfile,
  providerIdSchema,
} from "../flows/sign-in/providers.js";

/** What every provider takes. */
export interface ProviderOptions {
  /** In addresses and in the database. Changing it unlinks nobody. Default: that of the preset. */
  readonly id?: string;
  /** For people. Default: that of the preset. */
  readonly name?: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whether somebody without an account gets one. Default: true. */
  readonly createsAccounts?: boolean;
  /** Time for each request to the provider, milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
}

/** An OpenID provider with discovery. */
export interface OpenIdProviderOptions extends ProviderOptions {
  readonly id: string;
  readonly name: string;
  /** As in its discovery document. http only on a loopback host. */
  readonly issuer: string;
  /** Default: `openid email profile`. */
  readonly scope?: string;
  /** Whether an address that this provider has verified counts as verified here. Default: false. */
  readonly trustsEmail?: boolean;
  /** Further parameters of the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Refuses an id token of somebody who may not sign in, such as of another organisation. Default: takes all. */
  readonly accepts?: (claims: Readonly<Record<string, unknown>>) => boolean;
}

/**
 * Any OpenID provider, by discovery: code flow with PKCE, state, nonce and `iss` (RFC 9207). Endpoints and keys are read
 * when somebody first signs in, and again after a failure.
 *
 * @example
 * openIdProvider({ id: "acme", name: "Acme", issuer: "https://login.acme.example", clientId, clientSecret, trustsEmail: true })
 */
export function openIdProvider(options: OpenIdProviderOptions): IdentityProvider {
  checkClient(options);
  const { id, name, scope = "openid email profile", trustsEmail = false, createsAccounts = true } = options;
  const configuration = keptUntilFailure(() => discover(options));
  return {
    id,
    name,
    trustsEmail,
    createsAccounts,
    begin: async (attempt) =>
      client.buildAuthorizationUrl(await configuration(), {
        ...options.parameters,
        ...(await requestOf(attempt)),
        scope,
        nonce: attempt.nonce,
      }),
    finish: async (answer, attempt) => {
      const config = await configuration();
      const claims = await claimsOf(config, answer, attempt);
      if (options.accepts && !options.accepts(claims)) throw new ProviderError("cancelled");
      return profileOf(claims);
    },
  };
}

function discover({ issuer, clientId, clientSecret, timeoutMs = 10_000 }: OpenIdProviderOptions) {
  const server = new URL(issuer);
  return client.discovery(server, clientId, clientSecret, undefined, {
    timeout: timeoutMs / 1_000,
    ...(isLocalHttp(server) && { execute: [client.allowInsecureRequests] }),
  });
}

const clientSchema = z.looseObject({
  id: providerIdSchema.optional(),
  issuer: z.url({ protocol: /^https?$/ }).optional(),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  timeoutMs: z.int().min(1).max(600_000).optional(),
});

/** @throws OptionsError */
export function checkClient(options: ProviderOptions): void {
  readOptions(clientSchema, options);
}

/** Whether an address is this machine's, over plain http: for development, and nowhere else. */
export function isLocalHttp({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

/** Makes a value once, and again when making it has failed. */
function keptUntilFailure<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** What every authorization request has. */
export async function requestOf({ redirectUri, state, codeVerifier }: ProviderAttempt) {
  return {
    redirect_uri: redirectUri,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  };
}

async function claimsOf(
  config: client.Configuration,
  answer: URL,
  { state, nonce, codeVerifier }: ProviderAttempt,
): Promise<client.IDToken> {
  const tokens = await grant(config, answer, {
    pkceCodeVerifier: codeVerifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (!claims) throw new ProviderError("failed");
  return claims;
}

/** Exchanges the code of an answer. */
export async function grant(
  config: client.Configuration,
  answer: URL,
  checks: client.AuthorizationCodeGrantChecks,
): Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers> {
  try {
    return await client.authorizationCodeGrant(config, answer, checks);
  } catch (cause) {
    throw new ProviderError(cause instanceof client.AuthorizationResponseError ? "cancelled" : "failed", {
      cause,
    });
  }
}

function profileOf({
  iss: issuer,
  sub: subject,
  email,
  email_verified,
  name,
}: client.IDToken): ProviderProfile {
  return {
    issuer,
    subject,
    email: typeof email === "string" ? email : undefined,
    // Apple and some others write it as text.
    emailVerified: email_verified === true || String(email_verified) === "true",
    displayName: typeof name === "string" ? name : undefined,
  };
}
