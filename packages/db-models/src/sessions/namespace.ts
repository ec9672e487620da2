import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { RiskAssessment } from "../schemas/user-session.js";
import type { SessionCheck } from "./check/answer.js";
import { type ValidationOptions, validateSession } from "./check/validate.js";
import { listSessions, type SessionSummary } from "./list.js";
import { type OpenedSession, type OpenSessionInput, openSession } from "./open.js";
import { readSessionSlots, type SessionSlots } from "./read-slots.js";
import {
  refreshSession,
  renewSession,
  type SessionRenewal,
  type StepUpInput,
  stepUpSession,
} from "./refresh.js";
import { type Revocation, revokeAllSessions, revokeOtherSessions, revokeSession } from "./revoke.js";
import { raiseSessionRisk, readSessionStart, type SessionStart } from "./risk.js";
import type { RefreshResult, SessionUse } from "./types.js";
import { incrementApiUsage } from "./usage.js";

/** Sessions: one bearer token each, under the cap of their user. */
export interface Sessions {
  /**
   * Opens a session under the user's cap: two reads at once (one with `account`, none with `slots` too), one insert, one read. A
   * device that none of the user's live sessions is on costs another read, beside the insert.
   *
   * A live session has a slot, there are `maxConcurrentSessions` of them, and a unique index lets one session have
   * each. So at every moment at most that many are live, however many logins run in parallel and wherever one of them
   * crashes: a login whose slot is taken tries another one.
   *
   * @throws IdentityError `USER_NOT_FOUND`; `USER_NOT_ACTIVE`; `ADDRESS_NOT_ALLOWED` outside the user's allowlist;
   * `SESSION_LIMIT_REACHED` under the policy `deny`, which is not a failed login; `SESSIONS_REVOKED` when all sessions,
   * or all but another one, were ended while this login was under way; `CONTENTION` when parallel logins never left room.
   */
  open(input: OpenSessionInput): Promise<OpenedSession>;
  /** The user's slots, for an `open` that follows at once: read while something else is waited for, such as a password. */
  slots(input: { userId: Types.ObjectId }): Promise<SessionSlots>;
  /**
   * Decides whether a presented token stands for a live session: one read by `_id`, on the shard that the token names, and no write within the
   * touch interval. Both expiries are decided here, whether or not the document has been collected.
   *
   * @param token - as presented; anything that is no token is refused, never thrown at.
   * @throws IdentityError `SCHEMA_TOO_NEW`.
   *
   * @example
   * const check = await identity.sessions.validate(request.cookies.session);
   * if (!check.ok) return reply.code(401).send();
   */
  validate(token: unknown, options?: ValidationOptions): Promise<SessionCheck>;
  /**
   * Rotates a session's token.
   *
   * The claim is one conditional update, so of any number of parallel calls one rotates; the others, and any retry
   * within the grace interval, get the very token that the one made. The interval is pinned to the rotation and does
   * not slide. A token from before it ends the session, for somebody has a copy (RFC 9700 section 4.14.2).
   *
   * @param token - as presented.
   */
  refresh(token: unknown): Promise<RefreshResult>;
  /**
   * Gives a session another token because its user has proved again who they are: the one before is refused from this
   * moment, without a grace (ASVS 7.2.4). Of parallel calls one has the session, for the others' token is no longer good.
   *
   * @param input - `token` as presented: the current one, or one in its grace.
   */
  renew(input: { userId: Types.ObjectId; token: unknown }): Promise<SessionRenewal>;
  /**
   * Adds what a user has just proved to a session, in place: same id, another token as with `renew`, `authenticatedAt` of
   * this moment. The time of each method is its own, so that `acr` of the last minutes is known too: a password given again
   * does not renew a second factor of last week.
   *
   * @throws IdentityError `INVALID_INPUT` without a proof that counts: a mailed code never raises a session (NIST
   * SP 800-63B-4 section 3.1.3.1).
   */
  stepUp(input: StepUpInput): Promise<SessionRenewal>;
  /** The user's live sessions, the last to expire first. At most as many as the cap allows, so there are no pages. */
  list(input: { userId: Types.ObjectId }): Promise<SessionSummary[]>;
  /**
   * Ends one session of a user. Ending one that has already ended is no error (RFC 7009 section 2.2).
   *
   * @returns true when this call ended it.
   */
  revoke(input: Revocation & { sessionId: Types.ObjectId }): Promise<boolean>;
  /**
   * Ends every session of a user but one.
   *
   * @returns how many were ended.
   */
  revokeOthers(input: Revocation & { sessionId: Types.ObjectId }): Promise<number>;
  /**
   * Ends every session of a user, those of logins under way included: what there is ends first, then the generation
   * rises, and whatever was inserted under the older one meanwhile ends last. A crash in between leaves no session that
   * existed at the call; calling again completes it.
   *
   * @returns how many were ended.
   * @throws IdentityError `USER_NOT_FOUND`.
   */
  revokeAll(input: Revocation): Promise<number>;
  /** The start of a live session, for comparison with its requests; `undefined` if there is none. One read by `_id`. */
  readStart(input: { userId: Types.ObjectId; sessionId: Types.ObjectId }): Promise<SessionStart | undefined>;
  /**
   * Raises what a live session is judged. A session's score only rises, whatever order parallel requests come in; the
   * score of its sign-in stays in `signInScore`.
   *
   * @returns true when this call raised it.
   */
  raiseRisk(input: {
    userId: Types.ObjectId;
    sessionId: Types.ObjectId;
    risk: RiskAssessment & { score: number };
  }): Promise<boolean>;
  /** Adds to a session's API usage, in one update. A session that has ended counts nothing. */
  incrementApiUsage(input: SessionUse & { userId: Types.ObjectId; sessionId: Types.ObjectId }): Promise<void>;
}

export function sessionsOf(identity: Shared): Sessions {
  const on = operationsOf(identity);
  return {
    open: on(openSession),
    slots: on(readSessionSlots),
    validate: on(validateSession),
    refresh: on(refreshSession),
    renew: on(renewSession),
    stepUp: on(stepUpSession),
    list: on(listSessions),
    revoke: on(revokeSession),
    revokeOthers: on(revokeOtherSessions),
    revokeAll: on(revokeAllSessions),
    readStart: on(readSessionStart),
    raiseRisk: on(raiseSessionRisk),
    incrementApiUsage: on(incrementApiUsage),
  };
}
