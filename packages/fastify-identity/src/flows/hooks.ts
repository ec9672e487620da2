import type { OpenedSession, ProofMethod, Registration } from "@org/db-models";
import type { Types } from "mongoose";
import type { Requester } from "./requester.js";

/**
 * Result of a hook that may refuse: a refusal with a reason for the client, details for the audit event, or nothing. Reasons
 * and details are texts of 1 to 512 characters; there are at most 16 details, with names of 1 to 64 characters, and none
 * carries the user's id.
 */
export type HookAnswer =
  | { readonly refuse: string }
  | { readonly details: Readonly<Record<string, string>> }
  | null
  | undefined;

/**
 * Functions of the application around sign-ins. They may refuse or add details; they cannot admit a refused user.
 * `onRegister` and `onSignIn` decide: when one throws, answers with something else or takes longer than `hookTimeoutMs`, the
 * answer is `HOOK_FAILED` and nothing was made or opened. The others are notified: their failure is logged and changes nothing.
 */
export interface IdentityHooks {
  /** Before an account is made. */
  onRegister?(
    registration: Pick<Registration, "email" | "username">,
    requester: Requester,
  ): MaybePromise<HookAnswer>;
  /** After proofs and risk were accepted, before the session is opened; the first of `proofs` is the way of signing in. */
  onSignIn?(
    signIn: { userId: Types.ObjectId; proofs: readonly ProofMethod[] },
    requester: Requester,
  ): MaybePromise<HookAnswer>;
  /** After a session was opened and recorded. */
  onSessionOpened?(
    opened: Omit<OpenedSession, "token"> & { userId: Types.ObjectId; proofs: readonly ProofMethod[] },
    requester: Requester,
  ): MaybePromise<unknown>;
  /** After a sign-in was denied for its risk. */
  onRiskDenied?(
    denied: { userId: Types.ObjectId; proofs: readonly ProofMethod[]; reasons: readonly string[] },
    requester: Requester,
  ): MaybePromise<unknown>;
}

export type MaybePromise<T> = T | Promise<T>;
