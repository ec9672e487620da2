// Finds the session of a token in the database.
import { equalHashes, type LocatedToken, lookupHash } from "../../core/secrets.js";
import { placeOf } from "../../queries/place.js";
import { queries } from "../../queries/queries.js";
import { findBearer } from "../../queries/run-query.js";
import type { IdentityModels } from "../../schemas/models.js";
import type { UserSessionDocument } from "../../schemas/user-session.js";
import type { CommittedReadOptions } from "../../session-cache/committed-read.js";
import { readSession, readSessionFacts, type Session, type SessionFacts } from "../../stored/session.js";

/** The session that a token leads to, as far as a check reads it. */
export async function findChecked(
  models: IdentityModels,
  token: LocatedToken,
  options?: CommittedReadOptions,
): Promise<SessionFacts | undefined> {
  const stored = await findStored(models, token, options);
  return stored && readSessionFacts(stored);
}

/** The session that a token leads to. */
export async function findByToken(models: IdentityModels, token: LocatedToken): Promise<Session | undefined> {
  const stored = await findStored(models, token);
  return stored && readSession(stored);
}

/** The document that a token leads to, if the token has its handle. */
async function findStored(
  models: IdentityModels,
  token: LocatedToken,
  options?: CommittedReadOptions,
): Promise<UserSessionDocument | undefined> {
  // Whole: to leave out what isn't read here costs a server more than to send the few hundred bytes.
  const stored = await findBearer(models, queries.sessionById(placeOf(token)), options);
  // Without its handle nobody has had a token of this session: it is as unknown as if there were none.
  return stored && equalHashes(lookupHash(token.handle), stored.handleHash) ? stored : undefined;
}
