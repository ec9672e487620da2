import type { AdminApprovalDocument, ApiKeySummary } from "@org/db-models";
import type { FormState } from "../../pages/look/frame.js";
import { english, type MessageId } from "../../pages/messages/english.js";
import type { PastSession, UserDetail } from "../acts/users.js";
import type { AdminFrame } from "./parts/frame.js";

/** What the page of a user shows. */
export interface UserView {
  readonly state: FormState;
  readonly detail: UserDetail;
  /** A page of sessions that have ended, or may have. */
  readonly past: readonly PastSession[];
  /** The newest that are live. */
  readonly apiKeys: readonly ApiKeySummary[];
  readonly next: string | undefined;
  /** Whether the account is the reader's own: nobody acts on themself. */
  readonly own: boolean;
  /** What another administrator has approved for the reader. */
  readonly approvalId: string | undefined;
  readonly twoAdministrators: boolean;
  /** Undefined where the reader may not act for the user. */
  readonly impersonation:
    | {
        /** What another administrator has approved for the reader, or is to decide on. */
        readonly approval: AdminApprovalDocument | undefined;
        readonly minutes: number;
        readonly showReason: boolean;
      }
    | undefined;
}

export interface UserProps {
  view: UserView;
  frame: AdminFrame;
}

/** A text whose id is made of a code, or another one where there is none. */
export function messageOr(id: string, other: MessageId): MessageId {
  return Object.hasOwn(english, id) ? (id as MessageId) : other;
}
