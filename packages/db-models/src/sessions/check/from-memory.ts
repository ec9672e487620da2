// Session checks from memory, and the reads that fill it.
import type { Context } from "../../context/context.js";
import { type LocatedToken, parseToken, sha256, sha256Text, tokenLength } from "../../core/secrets.js";
import { type CommittedReadOptions, readCommitted } from "../../session-cache/committed-read.js";
import type { Entry } from "../../session-cache/entries.js";
import { mostWaits } from "../../session-cache/look-up.js";
import type { RememberedSession } from "../../session-cache/remembered.js";
import type { SessionCache } from "../../session-cache/session-cache.js";
import { sessionPolicyOf } from "../policy.js";
import { accepted, malformed, type SessionCheck } from "./answer.js";
import { checkToken } from "./check-token.js";
import { findChecked } from "./find.js";
import { refusalOf, refusalOfToken } from "./judge.js";
import { isRememberedGood, rememberSession } from "./remember.js";
import { isTouchDue, touchSession } from "./touch.js";

const sessionTokenLength = tokenLength("session");

/** Memory only ever accepts: whatever it does not know, or finds over, the database decides. */
export function checkFromMemory(
  context: Context,
  cache: SessionCache,
  token: unknown,
  touch: boolean,
): Promise<SessionCheck> {
  if (typeof token !== "string" || token.length !== sessionTokenLength) return Promise.resolve(malformed);
  const key = sha256Text(token);
  const isGood = (session: RememberedSession) =>
    !refusalOf(session, context.now) && isRememberedGood(context, session);
  const entry = cache.sessions.recall(key, isGood);
  // Nothing to wait for: nearly every check ends here.
  if (entry && !mayTouch(context, entry, touch)) return Promise.resolve(accepted(entry.value, undefined));
  // A token in memory was well-formed when it was read.
  const parsed = parseToken("session", token);
  if (!parsed) return Promise.resolve(malformed);
  return checkBesideMemory(context, cache, { token: parsed, key, isGood }, entry, touch);
}

interface SoughtSession {
  readonly token: LocatedToken;
  /** SHA-256 of the whole token. */
  readonly key: string;
  readonly isGood: (session: RememberedSession) => boolean;
}

/** Decides with what memory has, where its use is to be noted, or with a read that leaves something there. */
async function checkBesideMemory(
  context: Context,
  cache: SessionCache,
  { token, key, isGood }: SoughtSession,
  known: Entry<RememberedSession> | undefined,
  touch: boolean,
): Promise<SessionCheck> {
  const { sessions } = cache;
  let entry = known;
  for (let waits = 0; !entry && waits < mostWaits && sessions.isBeingRead(key); waits++)
    entry = await sessions.join(key, isGood);
  const answer = entry && (await answerFromMemory(context, cache, entry, touch));
  if (answer) return answer;
  const session = await sessions.fill(key, isGood, async (position) => {
    const read = (options?: CommittedReadOptions) => findChecked(context.models, token, options);
    const committed = await readCommitted(
      context.models.UserSession.collection,
      position,
      cache.boundMs,
      read,
    );
    if (!committed) return { result: await read() };
    const { found } = committed;
    const reason = refusalOfToken(found, token, context.now, sessionPolicyOf(context));
    const keep = found && !reason ? rememberSession(context, found, sha256(token.raw)) : undefined;
    return { result: found, keep };
  });
  return checkToken(context, token, session, touch);
}

/** Whether this check is the one to note that an entry is in use. */
function mayTouch(context: Context, entry: Entry<RememberedSession>, touch: boolean): boolean {
  return touch && !entry.isBeingTouched && isTouchDue(context, entry.value);
}

/** `undefined` when the use of the session could not be noted: somebody has changed it, and memory has dropped it. */
async function answerFromMemory(
  context: Context,
  { sessions, noteUntouched }: SessionCache,
  entry: Entry<RememberedSession>,
  touch: boolean,
): Promise<SessionCheck | undefined> {
  if (!mayTouch(context, entry, touch)) return accepted(entry.value, undefined);
  entry.isBeingTouched = true;
  try {
    const { matched, idleExpiresAt } = await touchSession(context, entry.value);
    if (!matched) {
      noteUntouched();
      sessions.drop(entry);
      return undefined;
    }
    entry.value = { ...entry.value, lastSeenAt: context.now, idleExpiresAt };
    // The write may have taken longer than memory was trusted.
    return sessions.stillHolds(entry) ? accepted(entry.value, idleExpiresAt) : undefined;
  } finally {
    entry.isBeingTouched = false;
  }
}
