import type { Types } from "mongoose";
import { type Context, operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import type { AppStatus } from "../schemas/app.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import type { SigningAlgorithm } from "../schemas/signing-key.js";
import { type AccessTokenCheck, validateAccessToken, validateAccessTokenById } from "./access.js";
import { type AppUpdate, updateApp } from "./app-changes.js";
import {
  type AppRegistration,
  listApps,
  type PublicApp,
  type RegisteredApp,
  type RotatedSecret,
  registerApp,
  rotateClientSecret,
  type SecretRotation,
  setAppStatus,
} from "./apps.js";
import { type AssertionUse, useAssertion } from "./assertions.js";
import {
  type Authorization,
  type AuthorizationRequest,
  checkAuthorizationRequest,
  issueAuthorizationCode,
  type RequestCheck,
} from "./authorize.js";
import { type ClientGrant, grantToClient } from "./client-grant.js";
import {
  authenticateClient,
  type ClientAuthentication,
  type ClientCredentials,
  findClient,
  type KnownClient,
} from "./clients.js";
import {
  type ConsentInput,
  type ConsentSummary,
  grantConsent,
  listConsents,
  revokeConsent,
} from "./consents.js";
import {
  beginDeviceAuthorization,
  type DeviceCodes,
  type DeviceDecision,
  type DevicePoll,
  type DeviceRequest,
  type DeviceResult,
  decideOnDevice,
  findWaitingDevice,
  pollDevice,
  type WaitingDevice,
} from "./devices.js";
import {
  type EndedSignIn,
  type EndedSignInSearch,
  findEndedSignIns,
  isAssertionUsed,
} from "./ended-sessions.js";
import { type CodeExchange, exchangeAuthorizationCode } from "./exchange.js";
import { type Introspection, introspectToken, type TokenQuestion } from "./introspect.js";
import { type ListedSigningKey, listSigningKeys } from "./list-signing-keys.js";
import { refreshAppToken, type TokenRefresh } from "./refresh.js";
import {
  claimAuthorizationRequest,
  type RequestInput,
  type RequestTakeUp,
  readAuthorizationRequest,
  type StoredRequest,
  storeAuthorizationRequest,
  takeUpAuthorizationRequest,
} from "./requests.js";
import { revokeToken, type TokenRevocation } from "./revoke.js";
import { type ResealedKeys, resealSigningKeys, withdrawSigningKey } from "./signing-key-care.js";
import { readSigningKeys, rotateSigningKey, type SigningKeyPair } from "./signing-keys.js";
import type { GrantRefused, TokenResult } from "./types.js";

/** An OAuth 2.1 authorization server: apps, consents, codes and tokens. */
export interface OAuth {
  /**
   * Registers an app (RFC 6749 section 2).
   *
   * @throws IdentityError `INVALID_INPUT`.
   */
  registerApp(input: AppRegistration & { ownerId: Types.ObjectId }): Promise<RegisteredApp>;
  /**
   * Changes the settings of an app, but for its type; what is left out stays, and null takes an optional one away. The
   * whole must be what could be registered. Fewer scopes hold from the next refresh of each token on. An app that changes
   * from its own keys to a secret gets one; the other way round its secrets end.
   *
   * @throws IdentityError `APP_NOT_FOUND` when there is none, or it was deleted; `INVALID_INPUT`; `INVALID_SCOPE`;
   * `CONTENTION`.
   */
  updateApp(input: AppUpdate): Promise<RegisteredApp>;
  /** The apps that a user has registered, the newest first; deleted ones too, until they are purged. */
  listApps(input: { ownerId: Types.ObjectId; page?: Page }): Promise<PublicApp[]>;
  /**
   * Suspends, reactivates or deletes an app. While it is not active nothing of it works, tokens included; a suspended
   * one can come back, with its tokens, a deleted one can't.
   *
   * @throws IdentityError `APP_NOT_FOUND` when there is none, or it was deleted.
   */
  setAppStatus(input: { clientId: string; status: AppStatus; ownerId?: Types.ObjectId }): Promise<void>;
  /**
   * Gives a confidential client a new secret. The one before stays good for a while, so that the client can change over
   * without a gap; the one before that ends at once, for there are never more than two.
   *
   * @throws IdentityError `APP_NOT_FOUND` when the owner has no such confidential app; `APP_HAS_NO_SECRET` for one that
   * authenticates with its own keys; `INVALID_INPUT`; `CONTENTION`.
   */
  rotateClientSecret(input: SecretRotation): Promise<RotatedSecret>;
  /**
   * Finds out which app makes a request (RFC 6749 section 2.3). A confidential client needs one of its secrets that has
   * not expired; a public client has none, and one that it sends is refused. Every secret is compared, in constant time.
   * A suspended app is nobody. With `presented`, an app and its authorization are one read; give the latter to the call
   * that follows in the same request.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  authenticateClient(input: ClientCredentials): Promise<ClientAuthentication>;
  /** The active app with an id, which has not shown who it is, and the keys of its that could. */
  findClient(clientId: unknown): Promise<KnownClient | undefined>;
  /**
   * Extends what a user allows an app to do. This only widens a consent, so call it when the user has consented to exactly
   * these scopes. After a revocation it starts from nothing: revoked scopes and tokens do not come back.
   *
   * @returns all that the app may do now.
   * @throws IdentityError `APP_NOT_FOUND`; `INVALID_SCOPE` beyond what the app is registered for, or too many;
   * `INVALID_INPUT`; `CONTENTION`.
   */
  grantConsent(input: ConsentInput): Promise<{ scopes: string[] }>;
  /** The apps that a user lets do something, the last agreed to first. */
  listConsents(input: { userId: Types.ObjectId; page?: Page }): Promise<ConsentSummary[]>;
  /**
   * Takes a consent back. With that one update every code and token under it is dead, those that are being made included,
   * because they are of an older generation; then they are marked so. Taking back what is not there is no error.
   *
   * @returns true when this call took it back.
   */
  revokeConsent(input: { userId: Types.ObjectId; appId: Types.ObjectId }): Promise<boolean>;
  /**
   * Checks an authorization request before anybody is asked: its app, where the answer goes, and what it asks for.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  checkRequest(input: AuthorizationRequest): Promise<RequestCheck>;
  /**
   * Decides an authorization request of a signed-in user, and issues a code when the user has consented to all of it. A
   * code works once, for this app, this redirect URI and this challenge. Where an `actor` acts for the user, it gives no access
   * while the user is away, and the consent does not count as used.
   *
   * @param input - `endsBy`: its tokens end by then at the latest. Default: as the policy has it.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  authorize(
    input: AuthorizationRequest & { userId: Types.ObjectId; facts?: AuthorizationFacts; endsBy?: Date },
  ): Promise<Authorization>;
  /**
   * Keeps an authorization request until it is answered.
   *
   * @returns the token that stands for it, here and never again.
   * @throws IdentityError `INVALID_INPUT` when its parameters are too long.
   */
  storeRequest(input: RequestInput): Promise<{ token: string; expiresAt: Date }>;
  /** A request that is kept and has not expired. */
  readRequest(token: unknown): Promise<StoredRequest | undefined>;
  /** Ties a request to the first browser that takes it up; `undefined` for every other browser. */
  takeUpRequest(input: RequestTakeUp): Promise<StoredRequest | undefined>;
  /** Marks a request as answered. @returns true for one call of any number. */
  claimRequest(token: unknown): Promise<boolean>;
  /**
   * Exchanges an authorization code for tokens.
   *
   * The code and the tokens are one document, and the claim is one conditional update of it: of any number of parallel
   * calls one gets tokens, and everything that ends the authorization ends them too, at any moment. A second use by the right
   * client, with the right redirect URI and verifier, ends the authorization and writes a security event. Any other
   * second use is refused and changes nothing; else an observer of a code could end its tokens (OAuth 2.1).
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  exchange(input: CodeExchange): Promise<TokenResult>;
  /**
   * Rotates a refresh token.
   *
   * The claim is one conditional update of the one document that the tokens are, so of any number of parallel calls one
   * rotates. The others, and every retry within the grace interval, get the tokens that are current then, also when those
   * were rotated once more meanwhile. The interval is counted from a token's first use and does not slide. After it the
   * token ends the authorization and writes a security event, for somebody has a copy (RFC 9700 section 4.14.2).
   * A token that was never issued raises no alarm.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  refresh(input: TokenRefresh): Promise<TokenResult>;
  /** Gives a confidential client a token for itself (RFC 6749 section 4.4). */
  grantToClient(input: ClientGrant): Promise<TokenResult>;
  /**
   * Gives a device its codes (RFC 8628 section 3.2).
   *
   * @throws IdentityError `SEAL_KEY_MISSING`, `CONTENTION`.
   */
  beginDevice(input: DeviceRequest): Promise<DeviceCodes | GrantRefused>;
  /** The device that waits for a user code, as people type it. */
  findDevice(input: { userCode: unknown }): Promise<WaitingDevice | undefined>;
  /**
   * Approves or denies a device; with its approval the user consents to what it asks for.
   *
   * @returns true when this call decided. Of any number of decisions one does, and the others leave nothing.
   * @throws IdentityError as `grantConsent`.
   */
  decideOnDevice(input: DeviceDecision): Promise<boolean>;
  /**
   * Answers the poll of a device (RFC 8628 section 3.4). Once approved, one poll of any number gets tokens. A poll that
   * comes before its interval has passed makes the interval five seconds longer.
   */
  pollDevice(input: DevicePoll): Promise<DeviceResult>;
  /** Notes the use of an assertion that counts once. @returns true at the first use, in whichever process. */
  useAssertion(input: AssertionUse): Promise<boolean>;
  /** Whether `useAssertion` was called for it before. */
  isAssertionUsed(input: Pick<AssertionUse, "holder" | "jti">): Promise<boolean>;
  /**
   * The sessions that ended in a period, the first first, with the apps that want to hear of it (OpenID Connect Back-Channel
   * Logout); without those that are `known`. Read in windows, so that no number of ends hides one.
   */
  endedSignIns(input: EndedSignInSearch): AsyncGenerator<EndedSignIn, void, void>;
  /**
   * The signing keys of these algorithms, the oldest first, made where there is none and renewed where one is old. All
   * instances agree by the clock which one signs.
   *
   * @throws IdentityError `SEAL_KEY_MISSING`, `SEAL_BROKEN`, `SCHEMA_TOO_NEW`.
   */
  signingKeys(input: { algorithms: readonly SigningAlgorithm[] }): Promise<SigningKeyPair[]>;
  /** The signing keys that are published, of every algorithm, the oldest first. Makes none, and opens none. */
  listSigningKeys(): Promise<ListedSigningKey[]>;
  /**
   * Makes the next signing key of an algorithm before its time. It is published at once, and signs after
   * `signingKeyLeadMs`.
   *
   * @throws IdentityError as `signingKeys`.
   */
  rotateSigningKey(input: { algorithm: SigningAlgorithm }): Promise<SigningKeyPair | undefined>;
  /**
   * Withdraws a signing key that others may have. It is published no longer, and no token that it signed is taken any more by
   * who reads the key set again. If it signs now, its successor signs at once: the one that waits, or a new one.
   *
   * @returns true when this call withdrew it.
   * @throws IdentityError as `signingKeys`.
   */
  withdrawSigningKey(input: { kid: string }): Promise<boolean>;
  /**
   * Seals the signing keys that a former key of `sealKeys` sealed with the current one. One that does not open
   * (`SEAL_BROKEN`) is named among the failures, and stays: withdraw it.
   */
  resealSigningKeys(): Promise<ResealedKeys>;
  /**
   * Decides whether a presented access token is live: one command, no write, and none from memory. The authorization, the app,
   * the user and the consent decide together, so whatever is revoked or suspended is so at the next request; with a session
   * cache, within its bound.
   *
   * @param token - as presented; anything that is no token is refused, never thrown at.
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   *
   * @example
   * const check = await identity.oauth.validate(bearer);
   * if (!check.ok || !grantsScope(check.token.scopes, "repo:read")) return reply.code(401).send();
   */
  validate(token: unknown): Promise<AccessTokenCheck>;
  /** The same for the access token that a JWT stands for, by its id. */
  validateById(id: unknown): Promise<AccessTokenCheck>;
  /**
   * Says what an access or a refresh token stands for. A token that is unknown, expired, revoked, of another client, or
   * of a suspended app or user gives `active: false` and nothing else. What kind of token it is shows in the token
   * itself, so a hint is not needed.
   *
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  introspect(input: TokenQuestion): Promise<Introspection>;
  /**
   * Revokes a token at the wish of its client (RFC 7009). A refresh token, also one that has been rotated, ends its whole
   * authorization, access tokens included; an access token ends alone. A token that is unknown, or another client's, is
   * left as it is, and that is no error. What kind of token it is shows in the token itself, so a hint is not needed, and
   * a wrong one does no harm.
   *
   * @returns true when this call ended something; a client must not be told.
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   */
  revoke(input: TokenRevocation): Promise<boolean>;
}

export function oauthOf(identity: Shared): OAuth {
  const on = operationsOf(identity);
  return {
    registerApp: on(registerApp),
    listApps: on(listApps),
    updateApp: on(updateApp),
    setAppStatus: on(setAppStatus),
    rotateClientSecret: on(rotateClientSecret),
    authenticateClient: on(authenticateClient),
    grantConsent: on(grantConsent),
    listConsents: on(listConsents),
    revokeConsent: on(revokeConsent),
    findClient: on(findClient),
    checkRequest: on(checkAuthorizationRequest),
    authorize: on(issueAuthorizationCode),
    storeRequest: on(storeAuthorizationRequest),
    readRequest: on(readAuthorizationRequest),
    takeUpRequest: on(takeUpAuthorizationRequest),
    claimRequest: on(claimAuthorizationRequest),
    grantToClient: on(grantToClient),
    beginDevice: on(beginDeviceAuthorization),
    findDevice: on(findWaitingDevice),
    decideOnDevice: on(decideOnDevice),
    pollDevice: on(pollDevice),
    useAssertion: on(useAssertion),
    isAssertionUsed: on(isAssertionUsed),
    endedSignIns: on(findEndedSignIns),
    signingKeys: on(readSigningKeys),
    listSigningKeys: on(listSigningKeys),
    rotateSigningKey: on(rotateSigningKey),
    withdrawSigningKey: on(withdrawSigningKey),
    resealSigningKeys: on(resealSigningKeys),
    validateById: on(validateAccessTokenById),
    exchange: on(exchangeAuthorizationCode),
    refresh: on(refreshAppToken),
    validate: on((context: Context, token: unknown) => validateAccessToken(context, token)),
    introspect: on(introspectToken),
    revoke: on(revokeToken),
  };
}
