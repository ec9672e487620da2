import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { RequestOrigin } from "../users/one-time-tokens.js";
import {
  type ExternalAccount,
  type ExternalLink,
  type ExternalRegistration,
  type ExternalSubject,
  type ExternalUnlink,
  findExternal,
  type LinkedIdentity,
  type LinkInput,
  linkExternal,
  listExternal,
  registerExternal,
  unlinkExternal,
} from "./identities.js";

/**
 * Identities of accounts at other providers. Who somebody is there is `issuer` and `subject` together, and never an
 * address; the database has their SHA-256. Whether to believe a provider is for the caller to decide.
 */
export interface ExternalIdentities {
  /**
   * The account of an external identity; `undefined` for none. One read by a unique index.
   *
   * @throws IdentityError `INVALID_INPUT`.
   */
  find(input: ExternalSubject): Promise<ExternalAccount | undefined>;
  /**
   * Makes an account without a password, whose address the provider has verified. Of parallel first sign-ins of one
   * identity one makes it, and all get it.
   *
   * @returns `created` is true for the call that made it.
   * @throws IdentityError `INVALID_INPUT`; `EMAIL_TAKEN`: an address alone never opens the account that has it.
   */
  register(input: ExternalRegistration): Promise<ExternalAccount & { created: boolean }>;
  /**
   * Links an identity to an account. That it is the account's owner who asks is for the caller to see. Writes the security
   * event `external_identity_changed`.
   *
   * @returns `taken` when it is another account's; `too_many` beyond 16.
   * @throws IdentityError `INVALID_INPUT`, `USER_NOT_FOUND`.
   */
  link(input: LinkInput): Promise<ExternalLink>;
  /**
   * Unlinks the identities of a provider. The last way to sign in stays: an account without a password keeps one identity
   * (`last_way_in`), also under parallel calls. Writes the security event `external_identity_changed`.
   */
  unlink(input: {
    userId: Types.ObjectId;
    provider: string;
    origin?: RequestOrigin;
  }): Promise<ExternalUnlink>;
  /**
   * The providers of an account, and whether it has a password.
   *
   * @throws IdentityError `USER_NOT_FOUND`.
   */
  list(input: { userId: Types.ObjectId }): Promise<{ linked: LinkedIdentity[]; hasPassword: boolean }>;
}

export function externalIdentitiesOf(identity: Shared): ExternalIdentities {
  const on = operationsOf(identity);
  return {
    find: on(findExternal),
    register: on(registerExternal),
    link: on(linkExternal),
    unlink: on(unlinkExternal),
    list: on(listExternal),
  };
}
