import type { Types } from "mongoose";
import type { Engagement } from "../analytics/engagement.js";
import {
  getUserAnalytics,
  type UserAnalyticsOptions,
  type UserAnalyticsReport,
  updateAnalytics,
} from "../analytics/user-analytics.js";
import { operationsOf, type Shared } from "../context/context.js";
import type { UserStatus } from "../schemas/user.js";
import {
  type Authentication,
  authenticateUser,
  endSuspension,
  type PublicUser,
  readUser,
  registerUser,
  setUserRoles,
  setUserStatus,
} from "./accounts.js";
import {
  type EmailVerification,
  type EmailVerificationRequest,
  markEmailVerified,
  requestEmailVerification,
  verifyEmail,
} from "./email-verification.js";
import type { ProfileChanges, Registration, SecurityChanges } from "./input.js";
import type { RequestOrigin } from "./one-time-tokens.js";
import { addPassword, type PasswordAddition, type PasswordChange, setPassword } from "./password.js";
import {
  type PasswordReset,
  type PasswordResetRequest,
  requestPasswordReset,
  resetPassword,
} from "./password-reset.js";
import { type FoundUsers, searchUsers, type UserSearch } from "./search.js";
import { updateProfile, updateSecurity } from "./settings.js";

/** Accounts: who they are, how they sign in, and what they may change. */
export interface Users {
  /**
   * Creates an active account with a password.
   *
   * @throws IdentityError `INVALID_INPUT`, `PASSWORD_TOO_COMMON`, `EMAIL_TAKEN`, `USERNAME_TAKEN`.
   */
  register(input: Registration): Promise<PublicUser>;
  /**
   * Checks a password. An unknown account, an account without a password and a wrong password take the same work and
   * give the same answer; that an account is not active is told only to who knows the password.
   *
   * @param input - `identifier` is an email address or a username. `beside` is called while the password is being checked: reads
   * that a right one needs may begin then. Where there is no such account it gets the id of nobody, for the same work to be done.
   */
  authenticate(input: {
    identifier: string;
    password: string;
    beside?: (userId: Types.ObjectId) => void;
  }): Promise<Authentication>;
  /** @throws IdentityError `USER_NOT_FOUND`. */
  read(userId: Types.ObjectId): Promise<PublicUser>;
  /**
   * Changes an account's status. Leaving `active` ends every session, those of logins under way included, and suspends
   * the API keys (ASVS 7.4.2); coming back makes the keys good again. A crash in between leaves open nothing that was so at
   * the call; calling again completes it, and ends a session that a login opened meanwhile.
   *
   * @throws IdentityError `USER_NOT_FOUND`.
   */
  setStatus(input: { userId: Types.ObjectId; status: UserStatus }): Promise<void>;
  /**
   * Ends a suspension: the account is as it was before, `active`, or `pending` where its address is still to be verified. One
   * conditional update decides.
   *
   * @returns the status from now on; `undefined` for an account that was not suspended.
   */
  endSuspension(input: { userId: Types.ObjectId }): Promise<UserStatus | undefined>;
  /**
   * Changes what a user may do, in the account and in every live session. A login under way takes the new roles too; an
   * impersonation of the user ends.
   *
   * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`.
   */
  setRoles(input: { userId: Types.ObjectId; roles: string[] }): Promise<void>;
  /**
   * Gives an account another password, and ends every session but the one that it was changed in, those of logins under
   * way with the old password included (ASVS 7.4.3). The session that goes on gets another token, and the one before is
   * refused from then on (ASVS 7.2.4); killed before its answer, it goes on for nobody, and its user signs in again. A
   * token that was sent to reset the password is void, and so is a change of the address that waits. API keys and what apps
   * were granted stay. That it is the user who asks is for the caller to see (ASVS 7.5.1). A reset, or whatever else ended
   * every session since, wins.
   *
   * @param input - `keepToken` is the token of the session that goes on, as presented; without it none does.
   * @throws IdentityError `INVALID_INPUT`, `PASSWORD_TOO_COMMON`, `USER_NOT_FOUND`; `SESSION_NOT_FOUND` when `keepToken` stands for no live
   * session of the user, and then nothing is changed; without it, `CONTENTION` when every session was ended meanwhile.
   */
  setPassword(input: {
    userId: Types.ObjectId;
    password: string;
    keepToken?: unknown;
  }): Promise<PasswordChange>;
  /**
   * Gives an account its first password, such as one that signs in through a provider. Sessions go on: nothing that they
   * proved has changed. Of two at once one succeeds. That it is the user who asks is for the caller to see (ASVS 7.5.1).
   *
   * @throws IdentityError `INVALID_INPUT`, `PASSWORD_TOO_COMMON`, `USER_NOT_FOUND`.
   */
  addPassword(input: {
    userId: Types.ObjectId;
    password: string;
    origin?: RequestOrigin;
  }): Promise<PasswordAddition>;
  /**
   * Changes a user's profile; what is not named stays, `null` clears.
   *
   * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`.
   */
  updateProfile(input: { userId: Types.ObjectId; changes: ProfileChanges }): Promise<PublicUser>;
  /**
   * Changes a user's security settings. Timeouts hold for sessions opened from now on; a lower cap is met at the next
   * login.
   *
   * @param input - `from` is the address that the change comes from. An allowlist without it would lock its owner out, and
   * is refused unless `confirmed`.
   * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`; `WOULD_LOCK_OUT`.
   */
  updateSecurity(input: {
    userId: Types.ObjectId;
    changes: SecurityChanges;
    from?: string;
    confirmed?: boolean;
  }): Promise<PublicUser>;
  /**
   * Mints the token that resets the password of the account with this email address: good for an hour and one use, in
   * the place of the one before, and only as long as the account has this address.
   *
   * The person who asks must not learn whether there is such an account, and an existing account costs an extra write. So
   * a service responds first, always the same, and calls this after responding.
   *
   * @throws IdentityError `INVALID_INPUT` when it is no address.
   */
  requestPasswordReset(input: { email: string; origin?: RequestOrigin }): Promise<PasswordResetRequest>;
  /**
   * Gives an account another password in exchange for the token that its address was sent, and ends every session, those
   * of logins under way included. It opens none: the next sign-in needs the second factor as before. API keys and
   * consents stay, as with `users.setPassword`. The account may be used from any address again, so that users who locked
   * themselves out can return. Failed sign-ins are forgotten for this account, and not for the network that they
   * came from.
   *
   * A used token proves access to the mailbox: an unverified address becomes verified. Until then anybody may have
   * registered it, so what was made before ends: API keys, consents and linked external identities.
   *
   * Of any number of parallel uses one succeeds. The sessions end first; then one conditional update spends the token, sets
   * the password and raises the generation; then what a login opened in between ends. Killed in between, either the old
   * password holds and the token is good, or the new one holds and the token is spent; presenting it again completes the
   * end of the sessions, as does the next sign-in.
   *
   * @param input - `token` as presented: anything is refused, never thrown at.
   * @throws IdentityError `INVALID_INPUT` for a password out of bounds and `PASSWORD_TOO_COMMON`, which do not spend the
   * token.
   */
  resetPassword(input: { token: unknown; password: string; origin?: RequestOrigin }): Promise<PasswordReset>;
  /**
   * Mints the token that verifies an account's email address: good for a day and one use, in the place of the one before,
   * and only as long as the account has this address.
   *
   * @example
   * const asked = await identity.users.requestEmailVerification({ userId });
   * if (asked.ok) await mail(asked.email, `Your token: ${asked.token}`);
   */
  requestEmailVerification(input: { userId: Types.ObjectId }): Promise<EmailVerificationRequest>;
  /**
   * Verifies the email address that a token was sent to; an account that was `pending` becomes `active`, and its API keys
   * good. Of any number of parallel uses one succeeds: the claim is one conditional update. If a crash keeps the API keys
   * from following it, presenting the token again completes that.
   *
   * @param input - `token` as presented: anything is refused, never thrown at.
   */
  verifyEmail(input: { token: unknown; origin?: RequestOrigin }): Promise<EmailVerification>;
  /**
   * Notes that the address is the account's, without a token: for somebody of the staff who has seen it. A `pending` account
   * becomes `active`, and its API keys good.
   *
   * @param input - `email` as it was seen: an address that was changed meanwhile is not verified.
   * @returns false when the account has another address, is verified already, or may not sign in.
   */
  markEmailVerified(input: { userId: Types.ObjectId; email: string }): Promise<boolean>;
  /**
   * Finds users by what somebody knows of them: part of an email address or a username, an id of theirs or of a session or
   * an API key, an API key or its visible start, an address that they signed in from, or an external identity as
   * `<issuer> <subject>`. Each way is a named query with an index.
   *
   * @throws IdentityError `INVALID_INPUT` for a text that is none of `by`, and a page that is none.
   *
   * @example
   * const { users, by, next } = await identity.users.search({ text: "ada@" });
   */
  search(input: UserSearch): Promise<FoundUsers>;
  /**
   * A user's engagement, logins, devices, countries and use by day and endpoint, in two reads, one of the user and one
   * of the daily buckets. The score is that of this moment, not the stored one.
   *
   * @throws IdentityError `USER_NOT_FOUND`; `INVALID_INPUT` for `days` out of 1 to 366.
   */
  analytics(input: { userId: Types.ObjectId } & UserAnalyticsOptions): Promise<UserAnalyticsReport>;
  /**
   * Recomputes a user's engagement and stores its score, by which users are ranked. Two reads and one write.
   *
   * @throws IdentityError `USER_NOT_FOUND`.
   */
  updateAnalytics(input: { userId: Types.ObjectId }): Promise<Engagement>;
}

export function usersOf(identity: Shared): Users {
  const on = operationsOf(identity);
  return {
    register: on(registerUser),
    authenticate: on(authenticateUser),
    read: on(readUser),
    setStatus: on(setUserStatus),
    endSuspension: on(endSuspension),
    setRoles: on(setUserRoles),
    addPassword: on(addPassword),
    setPassword: on(setPassword),
    updateProfile: on(updateProfile),
    updateSecurity: on(updateSecurity),
    requestPasswordReset: on(requestPasswordReset),
    resetPassword: on(resetPassword),
    requestEmailVerification: on(requestEmailVerification),
    verifyEmail: on(verifyEmail),
    markEmailVerified: on(markEmailVerified),
    search: on(searchUsers),
    analytics: on(getUserAnalytics),
    updateAnalytics: on(updateAnalytics),
  };
}
