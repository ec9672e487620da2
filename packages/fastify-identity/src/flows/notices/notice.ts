/** Something that a person has to hear of. */
export interface Notice {
  readonly kind:
    | "sign_in_code"
    | "new_device"
    | "new_location"
    | "email_verification"
    | "account_exists"
    | "email_change"
    | "email_change_requested"
    | "email_in_use"
    | "email_changed"
    | "email_change_undone"
    | "password_reset"
    | "password_changed"
    | "second_factor_changed"
    | "recovery_code_used"
    | "factor_recovery"
    | "factor_recovery_token"
    | "external_identity_changed"
    | "sign_in_reported"
    | "impersonation_started";
  /** Where it goes to: the account's email address, or one that it is to have or had. */
  readonly to: string;
  /** The account's address, where it goes to another one. */
  readonly account?: string;
  readonly subject: string;
  readonly text: string;
  /** The same as HTML; from the pages' mails only. */
  readonly html?: string;
  /** The same for programs: the code or token, the device, the country. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Takes notices to people. */
export interface Notifier {
  /** Resolves when the notice has been handed over; rejects when it could not be. */
  send(notice: Notice): Promise<void>;
}
