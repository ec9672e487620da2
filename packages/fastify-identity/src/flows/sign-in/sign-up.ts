import { isIdentityError, type Registration } from "@org/db-models";
import { register } from "../account/accounts.js";
import { audit, failedAttempt } from "../audit.js";
import type { FlowContext } from "../context.js";
import { notifyLater } from "../notices/notify-later.js";
import { originOf } from "../origin.js";
import type { Requester } from "../requester.js";
import { accountExists } from "./alerts.js";

/**
 * Registers, and answers the same for an address that has an account already: its owner is sent a link to reset the
 * password instead (ASVS 6.3.8). Both ways hash a password, write an event and a token.
 *
 * @throws as {@link register}, but for `EMAIL_TAKEN`.
 */
export async function signUp(
  context: FlowContext,
  requester: Requester,
  registration: Registration,
): Promise<void> {
  try {
    await register(context, requester, registration);
  } catch (error) {
    if (!isIdentityError(error, "EMAIL_TAKEN")) throw error;
    await audit(context, requester, failedAttempt("account.registered", { reason: "email_taken" }));
    await informOwner(context, requester, registration.email);
  }
}

async function informOwner(context: FlowContext, requester: Requester, email: string): Promise<void> {
  const origin = originOf(requester);
  try {
    // Counts as a request for a reset, so that nobody can fill a mailbox with these.
    const asked = await context.identity.users.requestPasswordReset({ email, origin });
    if (asked.ok) notifyLater(context, requester, accountExists(asked, origin));
  } catch (err) {
    requester.log.error({ err }, "the owner of an address was not told of a second registration");
  }
}
