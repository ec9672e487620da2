import type { Identity, PublicUser, SessionSlots } from "@org/db-models";
import type { Types } from "mongoose";
import type { FlowContext } from "../context.js";
import type { Requester } from "../requester.js";
import type { SignInFailures } from "./check-password.js";
import { type JudgedSignIn, judgeSignIn } from "./risk.js";

/** What a sign-in is decided on beside its proofs. */
export interface SignInAccount {
  readonly user: PublicUser;
  readonly factors: Awaited<ReturnType<Identity["factors"]["read"]>>;
  /** `undefined` where no risk policy holds. */
  readonly judged: JudgedSignIn | undefined;
  readonly slots: SessionSlots;
}

/** Reads it at once, before the sign-in is counted: a first one then sends no warning about a new device. */
export async function readSignInAccount(
  context: FlowContext,
  requester: Requester,
  userId: Types.ObjectId,
  failures: SignInFailures | undefined,
): Promise<SignInAccount> {
  const { identity } = context;
  const [user, factors, judged, slots] = await Promise.all([
    identity.users.read(userId),
    identity.factors.read({ userId }),
    judgeSignIn(context, userId, requester, failures),
    identity.sessions.slots({ userId }),
  ]);
  return { user, factors, judged, slots };
}
