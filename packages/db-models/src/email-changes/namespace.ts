import { operationsOf, type Shared } from "../context/context.js";
import type { RequestOrigin } from "../users/one-time-tokens.js";
import { confirmEmailChange, type EmailChange } from "./confirm.js";
import { type EmailChangeInput, type EmailChangeRequest, requestEmailChange } from "./request.js";
import { type EmailChangeUndo, undoEmailChange } from "./undo.js";

/** Changes of an account's email address. Each writes the security event `email_changed`. */
export interface EmailChanges {
  /**
   * Mints the token that gives an account another address, and one for the owner of the present address, who can undo the
   * change. Nothing changes before the former is used. That it is the user who asks is for the caller to see (ASVS 7.5.1),
   * and the answer must not tell whether another account has the address.
   *
   * The token is good for a day and one use, in the place of the one before; `maxMessages` bounds them, and so does the
   * number of addresses that can be given back, four.
   *
   * @throws IdentityError `INVALID_INPUT` when it is no address.
   */
  request(input: EmailChangeInput): Promise<EmailChangeRequest>;
  /**
   * Gives the account the address that a token was sent to, verified. Whether it is free is decided now, by the unique
   * index: of any number of parallel calls for one address one succeeds, and the others are `taken`. Tokens that the
   * address before was sent to verify it or to reset the password are void. Sessions, factors, keys and linked identities
   * stay.
   *
   * @param input - `token` as presented: anything is refused, never thrown at.
   */
  confirm(input: { token: unknown; origin?: RequestOrigin }): Promise<EmailChange>;
  /**
   * Undoes a change for the owner of the address before, for seven days: before it was confirmed as after, and also when
   * the address was changed again since; of several addresses the earliest wins. The account has its address back, every
   * session ends, and the password opens nothing any more: it is set again with `reset`. What was added since the change
   * was asked for and lets somebody in by itself ends too: API keys, consents, linked identities, passkeys, remembered
   * devices. An authenticator app and recovery codes stay.
   *
   * An account that has registered the address meanwhile and never verified it waits, without it, as `pending`; one that
   * verified it keeps it (`taken`). Killed in between, the token is good, or everything is done.
   *
   * @param input - `token` as presented: anything is refused, never thrown at.
   * @throws IdentityError `CONTENTION`.
   */
  undo(input: { token: unknown; origin?: RequestOrigin }): Promise<EmailChangeUndo>;
}

export function emailChangesOf(identity: Shared): EmailChanges {
  const on = operationsOf(identity);
  return {
    request: on(requestEmailChange),
    confirm: on(confirmEmailChange),
    undo: on(undoEmailChange),
  };
}
