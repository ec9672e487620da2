import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import {
  listImpersonations,
  noteEndedImpersonation,
  type TakenEnds,
  takeEndedImpersonations,
} from "./ends.js";
import { type ImpersonationInput, type ImpersonationStart, startImpersonation } from "./start.js";
import type { ImpersonationSummary } from "./summary.js";

/**
 * Sessions in which an administrator acts for a user. Such a session is one of the user's: it is in their list, and they end it
 * as any other. It takes no slot of theirs, its token is never replaced, it proves nothing of who the user is, and it is good
 * only while the administrator's own session lives and the register of administrators has them with `identity:impersonator`,
 * and the user not at all. Each check decides that again, never from memory; and roles of either that change end it for good.
 */
export interface Impersonations {
  /**
   * Opens such a session. Whether a second administrator has to approve is for the caller.
   *
   * One that fails leaves no session.
   *
   * @throws IdentityError `USER_NOT_FOUND`, `USER_NOT_ACTIVE`, `INVALID_INPUT`; `SESSIONS_REVOKED` when all sessions of the
   * user were ended meanwhile, or their roles changed.
   *
   * @example
   * const own = { actor: actorId, actorSession: sessionId };
   * const started = await identity.impersonations.start({ userId, ...own, reason: "Ticket 4711" });
   * if (!started.ok) console.log(started.reason);
   */
  start(input: ImpersonationInput): Promise<ImpersonationStart>;
  /** The newest first: of an administrator, or of all. One whose administrator is gone goes on here until it is taken. */
  list(input: { actor?: Types.ObjectId; page?: Page }): Promise<ImpersonationSummary[]>;
  /**
   * Ends what is over, and gives every impersonation that has ended and was not noted, whatever ended it. Call it now and then,
   * in as many processes as you like: one gets each, and another one after a minute where {@link noteEnd} does not follow,
   * unless the trail of `audit.append` has its event. Another trail may be given an event twice where a process was killed in
   * between: its `targetId` is the same. One that can't be taken keeps no other: it is among `failures`, and due again.
   */
  takeEnded(): Promise<TakenEnds>;
  /** Says that an end was recorded. */
  noteEnd(input: { id: Types.ObjectId; userId: Types.ObjectId }): Promise<void>;
}

export function impersonationsOf(identity: Shared): Impersonations {
  const on = operationsOf(identity);
  return {
    start: on(startImpersonation),
    list: on(listImpersonations),
    takeEnded: on(takeEndedImpersonations),
    noteEnd: on(noteEndedImpersonation),
  };
}
