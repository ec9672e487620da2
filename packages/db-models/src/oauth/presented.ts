// The authorization of a presented code or token, read while its client authenticates.
import type { Context } from "../context/context.js";
import { type LocatedToken, parseToken } from "../core/secrets.js";
import { type Place, placeOf } from "../queries/place.js";
import type { AppDocument } from "../schemas/app.js";
import { type Grant, readGrant, readGrantWithApp } from "./grants.js";

/** What was read is used within the request that read it: later than this it is read again. */
const usableMs = 1_000;

/** What `oauth.authenticateClient` read of what a request presents: for the call that follows in the same request. */
export class PresentedAuthorization {
  readonly #grant: Grant;
  readonly #readAt: Date;

  /** @internal */
  constructor(grant: Grant, readAt: Date) {
    this.#grant = grant;
    this.#readAt = readAt;
  }

  /** @internal The authorization, if it is the one of this place and was read just now. */
  at({ ownerId, id }: Place, now: Date): Grant | undefined {
    const isSame = this.#grant._id.equals(id) && this.#grant.ownerId.equals(ownerId);
    const ageMs = Math.abs(now.getTime() - this.#readAt.getTime());
    return isSame && ageMs <= usableMs ? this.#grant : undefined;
  }
}

interface Presented {
  authorization: PresentedAuthorization;
  app: AppDocument | undefined;
}

/** The authorization that a code or token leads to, and its app; nothing where there is none. */
export async function readPresented(context: Context, value: unknown): Promise<Presented | undefined> {
  const token = locate(context, value);
  const found = token && (await readGrantWithApp(context, placeOf(token)));
  if (!found) return undefined;
  return { authorization: new PresentedAuthorization(found.grant, context.now), app: found.app };
}

/** Access tokens are read where no memory answers for them. */
function locate({ cache }: Context, value: unknown): LocatedToken | undefined {
  const token = parseToken("authorizationCode", value) ?? parseToken("refreshToken", value);
  return token ?? (cache ? undefined : parseToken("accessToken", value));
}

/** An authorization, as it was read already in this request where it was. */
export async function readGrantOnce(
  context: Context,
  place: Place,
  presented: PresentedAuthorization | undefined,
): Promise<Grant | undefined> {
  return presented?.at(place, context.now) ?? readGrant(context, place);
}
