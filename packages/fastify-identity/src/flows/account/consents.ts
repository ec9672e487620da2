import { findByQuery, queries } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { audit, byOwner } from "../audit.js";
import type { FlowContext } from "../context.js";
import type { Requester } from "../requester.js";

/**
 * Takes back what a user lets an app do: its codes and tokens end.
 *
 * @returns false when the user lets no such app do anything.
 * @throws IdentityError `AUDIT_NOT_WRITTEN`.
 */
export async function endConsent(
  context: FlowContext,
  requester: Requester,
  { userId, clientId }: { readonly userId: Types.ObjectId; readonly clientId: string },
): Promise<boolean> {
  const { models, oauth } = context.identity;
  const app = await findByQuery(models, queries.appByClientId(clientId), { _id: 1 });
  if (!app || !(await oauth.revokeConsent({ userId, appId: app._id }))) return false;
  await audit(context, requester, byOwner(userId, "oauth.consent_ended", { client: clientId }));
  return true;
}
