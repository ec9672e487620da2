import type { AuditInput } from "@org/db-models";
import type { Types } from "mongoose";
import { audit } from "../audit.js";
import type { FlowContext } from "../context.js";
import { type Origin, originOf } from "../origin.js";
import type { Requester } from "../requester.js";
import type { Notice } from "./notice.js";
import { notifyLater } from "./notify-later.js";

/**
 * Tells an account's owner of what was done to it, and records it. It is done: the owner hears of it even if the audit
 * trail can't be written.
 *
 * @throws IdentityError `AUDIT_NOT_WRITTEN`, `USER_NOT_FOUND`.
 */
export async function tellOwner(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  noticeTo: (email: string, origin: Origin) => Notice,
  event: AuditInput,
): Promise<void> {
  const { email } = await context.identity.users.read(userId);
  notifyLater(context, requester, noticeTo(email, originOf(requester)));
  await audit(context, requester, event);
}
