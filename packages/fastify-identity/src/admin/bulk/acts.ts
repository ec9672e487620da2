import type { BulkAct, PublicUser } from "@org/db-models";
import type { Acting } from "../acting.js";
import * as users from "../acts/users.js";
import type { Permission } from "../permissions.js";

/** What is done to each user of a job: the very acts of the page of one user. */
interface UserAct {
  readonly permission: Permission;
  /** Whether there is anything to do. A user who does not need it is skipped. */
  isNeeded(acting: Acting, user: PublicUser): boolean | Promise<boolean>;
  run(acting: Acting, user: PublicUser, reason: string): Promise<unknown>;
}

const about = ({ _id: userId }: PublicUser, reason: string) => ({ userId, reason });

async function hasFactors({ service }: Acting, { _id: userId, status }: PublicUser): Promise<boolean> {
  if (status === "deleted") return false;
  const { totp, passkeys } = await service.identity.factors.read({ userId });
  return totp !== undefined || passkeys.length > 0;
}

export const userActs: { readonly [Act in BulkAct]: UserAct } = {
  end_sessions: {
    permission: "users:write",
    isNeeded: () => true,
    run: (acting, user, reason) => users.endSessions(acting, about(user, reason)),
  },
  lock: {
    permission: "users:write",
    isNeeded: (_acting, { status }) => status === "active" || status === "pending",
    run: (acting, user, reason) => users.lockUser(acting, about(user, reason)),
  },
  unlock: {
    permission: "users:write",
    isNeeded: (_acting, { status }) => status === "suspended",
    run: (acting, user, reason) => users.unlockUser(acting, about(user, reason)),
  },
  verify: {
    permission: "users:write",
    isNeeded: (_acting, { status, emailVerifiedAt }) =>
      (status === "active" || status === "pending") && !emailVerifiedAt,
    run: (acting, user, reason) => users.verifyEmail(acting, { ...about(user, reason), email: user.email }),
  },
  password_reset: {
    permission: "users:write",
    isNeeded: (_acting, { status }) => status === "active",
    run: (acting, user, reason) => users.sendPasswordReset(acting, about(user, reason)),
  },
  reset_factors: {
    permission: "users:write",
    isNeeded: hasFactors,
    run: (acting, user, reason) => users.resetFactors(acting, about(user, reason)),
  },
  erase: {
    permission: "users:erase",
    isNeeded: () => true,
    run: (acting, user, reason) => users.eraseApproved(acting, about(user, reason)),
  },
};
