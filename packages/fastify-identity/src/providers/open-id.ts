import { duration } from "@org/db-models/core";
import * as client from "openid-client";
import { z } from "zod";
import { readOptions } from "../flows/options.js";
import {
  type IdentityProvider,
  type ProviderAttempt,
  type ProviderDetails,
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
 * Any OpenID provider, by discovery: code flow with PKCE, state, nonce and `iss` (RFC 9207). Endpoints are read when somebody
 * first signs in, and again after an hour, or once one of them failed. Where the id token has no address, the UserInfo
 * endpoint is asked for it before an account is made (OpenID Connect Core section 5.4).
 *
 * @example
 * openIdProvider({ id: "acme", name: "Acme", issuer: "https://login.acme.example", clientId, clientSecret, trustsEmail: true })
 */
export function openIdProvider(options: OpenIdProviderOptions): IdentityProvider {
  checkClient(options);
  const { id, name, scope = "openid email profile", trustsEmail = false, createsAccounts = true } = options;
  const configuration = new Discovered(() => discover(options));
  return {
    id,
    name,
    trustsEmail,
    createsAccounts,
    begin: async (attempt) =>
      client.buildAuthorizationUrl(await configuration.read(attempt.now), {
        ...options.parameters,
        ...(await requestOf(attempt)),
        scope,
        nonce: attempt.nonce,
      }),
    finish: async (answer, attempt) => {
      const config = await configuration.read(attempt.now);
      try {
        const { claims, accessToken } = await claimsOf(config, answer, attempt);
        if (options.accepts && !options.accepts(claims)) throw new ProviderError("cancelled");
        return profileOf(config, claims, accessToken);
      } catch (error) {
        if (isOfEndpoint(error)) configuration.forget();
        throw error;
      }
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

/** Endpoints may move: none is kept longer than this. */
const keptMs = duration.hour;

/** The endpoints of a provider as it last described them. */
class Discovered {
  readonly #discover: () => Promise<client.Configuration>;
  #known: { readonly configuration: Promise<client.Configuration>; readonly at: Date } | undefined;

  constructor(discover: () => Promise<client.Configuration>) {
    this.#discover = discover;
  }

  /** Those that are known; those of before where newer ones can't be read. */
  read(now: Date): Promise<client.Configuration> {
    const known = this.#known;
    const age = known ? now.getTime() - known.at.getTime() : Number.POSITIVE_INFINITY;
    if (known && age >= 0 && age < keptMs) return known.configuration;
    const configuration = this.#discover().catch((error: unknown) => {
      if (this.#known?.configuration === configuration) this.#known = undefined;
      if (known) return known.configuration;
      throw error;
    });
    this.#known = { configuration, at: now };
    return configuration;
  }

  /** Has the next attempt read them again. */
  forget(): void {
    this.#known = undefined;
  }
}

/** No answer in time, or one that no such endpoint gives: of what a browser brought there is none. */
const endpointErrors: ReadonlySet<unknown> = new Set([
  "OAUTH_TIMEOUT",
  "OAUTH_RESPONSE_IS_NOT_CONFORM",
  "OAUTH_RESPONSE_IS_NOT_JSON",
  "OAUTH_PARSE_ERROR",
]);

/** Whether an endpoint is not, or no longer, where it was: it did not answer, or not as it should. */
function isOfEndpoint(error: unknown): boolean {
  if (!(error instanceof ProviderError)) return false;
  const { cause } = error;
  const isUnreachable = cause instanceof TypeError && cause.message === "fetch failed";
  return isUnreachable || (cause instanceof client.ClientError && endpointErrors.has(cause.code));
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
): Promise<{ claims: client.IDToken; accessToken: string }> {
  const tokens = await grant(config, answer, {
    pkceCodeVerifier: codeVerifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (!claims) throw new ProviderError("failed");
  return { claims, accessToken: tokens.access_token };
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

function profileOf(
  config: client.Configuration,
  claims: client.IDToken,
  accessToken: string,
): ProviderProfile {
  const { iss: issuer, sub: subject, email, email_verified } = claims;
  const isThere = email !== undefined && email_verified !== undefined;
  const isAsked = !isThere && config.serverMetadata().userinfo_endpoint !== undefined;
  const readDetails = () => detailsAtUserInfo(config, claims, accessToken);
  return { issuer, subject, ...detailsOf(claims), ...(isAsked && { readDetails }) };
}

/** Claims of the UserInfo endpoint, of the subject of the id token and no other (OpenID Connect Core section 5.3.2). */
async function detailsAtUserInfo(
  config: client.Configuration,
  claims: client.IDToken,
  accessToken: string,
): Promise<ProviderDetails> {
  try {
    const there = await client.fetchUserInfo(config, accessToken, claims.sub);
    const { displayName = detailsOf(claims).displayName, ...address } = detailsOf(there);
    return { ...address, displayName };
  } catch (cause) {
    throw new ProviderError("failed", { cause });
  }
}

/** An address counts as verified only where the same source says so. */
function detailsOf({ email, email_verified, name }: Readonly<Record<string, unknown>>): ProviderDetails {
  return {
    email: typeof email === "string" ? email : undefined,
    // Apple and some others write it as text.
    emailVerified: email_verified === true || email_verified === "true",
    displayName: typeof name === "string" ? name : undefined,
  };
}
