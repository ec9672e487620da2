import type { Types } from "mongoose";
import type { Context } from "../context/context.js";
import { isOver } from "../core/clock.js";
import {
  equalHashes,
  parseToken,
  placeTextOf,
  readPlace,
  sha256,
  sha256Text,
  type Token,
  tokenLength,
} from "../core/secrets.js";
import { type Place, placeOf } from "../queries/place.js";
import type { IssuedAccessToken } from "../schemas/app-token.js";
import type { AuthorizationFacts } from "../schemas/parts/authorization-facts.js";
import type { CommittedReadOptions } from "../session-cache/committed-read.js";
import type { Entry } from "../session-cache/entries.js";
import { lookUp } from "../session-cache/look-up.js";
import type { RememberedAccessToken } from "../session-cache/remembered.js";
import { type Grant, readGrant, refusalOf } from "./grants.js";
import { accessTokenIdOf, factsOf } from "./issue.js";
import type { PresentedAuthorization } from "./presented.js";
import { keptAccessToken } from "./remember.js";
import type { GrantRefusal } from "./types.js";

/** Facts that a resource server needs about the token of a request. */
export interface ActiveAccessToken {
  authorizationId: Types.ObjectId;
  /** Names the token without being it. */
  id: string;
  /** Absent where the app acts for itself. */
  userId?: Types.ObjectId;
  appId: Types.ObjectId;
  clientId: string;
  /** To be asked with {@link grantsScope}. */
  scopes: string[];
  /** Resource servers that it is for; absent where none was named. */
  audiences?: string[];
  /** Thumbprint of the key that each request with it has to prove possession of (RFC 9449). */
  dpopKey?: string;
  /** Facts of the authorization. */
  facts: AuthorizationFacts;
  createdAt: Date;
  expiresAt: Date;
}

export type AccessTokenCheck = { ok: true; token: ActiveAccessToken } | { ok: false; reason: GrantRefusal };

/** An access token by its authorization and its hash, which is all that its id says of it. */
interface NamedAccessToken {
  readonly place: Place;
  readonly tokenHash: Buffer;
}

const accessTokenLength = tokenLength("accessToken");

export function validateAccessToken(
  context: Context,
  token: unknown,
  authorization?: PresentedAuthorization,
): Promise<AccessTokenCheck> {
  const known = recall(context, token);
  // Nothing to wait for: with a cache nearly every check ends here.
  if (known) return Promise.resolve({ ok: true, token: describe(known.value, known.key) });
  const parsed = parseToken("accessToken", token);
  if (!parsed) return Promise.resolve({ ok: false, reason: "malformed" });
  return check(context, { place: placeOf(parsed), tokenHash: sha256(parsed.raw) }, authorization);
}

/** What memory has of a token, if it is good. One in memory was well-formed when it was read. */
function recall({ cache, now }: Context, token: unknown): Entry<RememberedAccessToken> | undefined {
  if (!cache || typeof token !== "string" || token.length !== accessTokenLength) return undefined;
  const id = `${placeTextOf("accessToken", token)}.${sha256Text(token)}`;
  return cache.accessTokens.recall(id, (known) => refusalAt(known, now) === undefined);
}

const tokenId = /^([\w-]{32})\.([\w-]{43})$/;

/** Reads what {@link accessTokenIdOf} wrote. */
export function readAccessTokenId(id: unknown): NamedAccessToken | undefined {
  const [, place, hash] = tokenId.exec(typeof id === "string" ? id : "") ?? [];
  if (!place || !hash) return undefined;
  return { place: placeOf({ place: readPlace(place) }), tokenHash: Buffer.from(hash, "base64url") };
}

export async function validateAccessTokenById(context: Context, id: unknown): Promise<AccessTokenCheck> {
  const named = readAccessTokenId(id);
  return named ? check(context, named) : { ok: false, reason: "malformed" };
}

async function check(
  context: Context,
  named: NamedAccessToken,
  authorization?: PresentedAuthorization,
): Promise<AccessTokenCheck> {
  const found = await find(context, named, authorization);
  if (!found) return { ok: false, reason: "unknown" };
  const reason = refusalAt(found, context.now);
  return reason ? { ok: false, reason } : { ok: true, token: describe(found, idOf(named)) };
}

/** The token and what it rests on, from memory where that has them. */
async function find(
  context: Context,
  { place, tokenHash }: NamedAccessToken,
  authorization: PresentedAuthorization | undefined,
): Promise<RememberedAccessToken | undefined> {
  const { models, cache, now } = context;
  const read = async (options?: CommittedReadOptions) => {
    // Memory takes its own reads only.
    const known = options ? undefined : authorization?.at(place, now);
    const grant = known ?? (await readGrant({ models, now }, place, options));
    const issued = grant && issuedAs(grant, tokenHash);
    return grant && issued && { grant, issued };
  };
  if (!cache) return read();
  return lookUp<RememberedAccessToken>(cache, cache.accessTokens, {
    // Its place too: what is presented with another one stands for nothing.
    key: idOf({ place, tokenHash }),
    isGood: (known) => refusalAt(known, now) === undefined,
    collection: models.AppToken.collection,
    read,
    keep: (known) => keptAccessToken(models, known),
  });
}

function idOf({ place: { ownerId, id }, tokenHash }: NamedAccessToken): string {
  return accessTokenIdOf({ ownerId, _id: id }, { tokenHash });
}

function refusalAt({ grant, issued }: RememberedAccessToken, now: Date): GrantRefusal | undefined {
  return refusalOf(grant, now) ?? (isOver(issued.expiresAt, now) ? "expired" : undefined);
}

/** The access token of an authorization that was presented, if it is one of them. */
export function issuedOf(grant: Grant, presented: Token): IssuedAccessToken | undefined {
  return issuedAs(grant, sha256(presented.raw));
}

function issuedAs({ accessTokens }: Grant, hash: Buffer): IssuedAccessToken | undefined {
  return accessTokens.find(({ tokenHash }) => equalHashes(tokenHash, hash));
}

/** The facts that a service receives: copies, so that nothing it does to them gets into memory. */
function describe({ grant, issued }: RememberedAccessToken, id: string): ActiveAccessToken {
  const { _id: authorizationId, userId, appId } = grant;
  const { scopes, audiences, dpopKey, createdAt, expiresAt } = issued;
  return {
    authorizationId,
    id,
    ...(userId && { userId }),
    appId,
    clientId: grant.app[0]?.clientId ?? "",
    scopes: [...scopes],
    ...(audiences && { audiences: [...audiences] }),
    ...(dpopKey && { dpopKey }),
    facts: copyOf(factsOf(grant)),
    createdAt: new Date(createdAt),
    expiresAt: new Date(expiresAt),
  };
}

function copyOf(facts: AuthorizationFacts): AuthorizationFacts {
  const { authenticatedAt, amr, audiences } = facts;
  return {
    ...facts,
    ...(authenticatedAt && { authenticatedAt: new Date(authenticatedAt) }),
    ...(amr && { amr: [...amr] }),
    ...(audiences && { audiences: [...audiences] }),
  };
}
