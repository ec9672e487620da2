import type { ActiveSession, PublicUser } from "@org/db-models";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import { IdentityProblem } from "../problems.js";
import type { Requester } from "../requester.js";
import { checkPassword } from "../sign-in/check-password.js";

/**
 * Checks the password of the account whose session makes the request, behind the same defence as a sign-in.
 *
 * @param action - what it is asked for; a wrong password is recorded as its denial.
 * @throws IdentityProblem `SIGN_IN_DELAYED`, `BAD_CREDENTIALS`.
 */
export async function checkOwnPassword(
  context: FlowContext,
  requester: Requester,
  { userId }: Pick<ActiveSession, "userId">,
  action: string,
  password: string,
): Promise<PublicUser> {
  const user = await context.identity.users.read(userId);
  const { checked } = await checkPassword(context, { identifier: user.email, password }, requester);
  if (checked.ok) return user;
  await audit(context, requester, { ...byOwner(userId, action), outcome: "denied" });
  throw new IdentityProblem("BAD_CREDENTIALS");
}
