import { z } from "zod";
import { duration, limits } from "../limits.js";

const lasts = (max: number, defaultMs: number, meaning: string) =>
  z.int().min(duration.minute).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

/** The longest life of a token of each kind. */
export const maxLifetimeMs = {
  passwordReset: duration.day,
  emailVerification: 7 * duration.day,
  emailChange: 7 * duration.day,
  emailUndo: 30 * duration.day,
  signInReport: 30 * duration.day,
} as const;

/** Policy for tokens that are sent to email addresses; every field has a default. */
export const oneTimeTokenPolicySchema = z
  .strictObject({
    passwordResetLifetimeMs: lasts(
      maxLifetimeMs.passwordReset,
      duration.hour,
      "Life of a token that resets a password, at most a day (NIST SP 800-63B-4 section 4.2.1.2)",
    ),
    emailVerificationLifetimeMs: lasts(
      maxLifetimeMs.emailVerification,
      duration.day,
      "Life of a token that verifies an email address",
    ),
    emailChangeLifetimeMs: lasts(
      maxLifetimeMs.emailChange,
      duration.day,
      "Life of a token that confirms another email address",
    ),
    emailUndoLifetimeMs: lasts(
      maxLifetimeMs.emailUndo,
      7 * duration.day,
      "How long the owner of the address before can undo a change, at least the life of the token that confirms it",
    ),
    signInReportLifetimeMs: lasts(
      maxLifetimeMs.signInReport,
      7 * duration.day,
      "How long the button of a mail about a sign-in reports it as somebody else's, and how long a report can be undone",
    ),
    maxMessages: z
      .int()
      .min(1)
      .max(limits.messages)
      .default(5)
      .describe("Tokens of one kind that are sent to one account in the time below"),
    messageWindowMs: lasts(
      duration.day,
      duration.hour,
      "The time in which they are counted; at most the life of each token",
    ),
  })
  // Or a stranger's requests could keep the owner without a token: the last one over, and another refused.
  .refine(
    ({ messageWindowMs, passwordResetLifetimeMs, emailVerificationLifetimeMs, emailChangeLifetimeMs }) =>
      messageWindowMs <=
      Math.min(passwordResetLifetimeMs, emailVerificationLifetimeMs, emailChangeLifetimeMs),
    { message: "must be at most the life of each token", path: ["messageWindowMs"] },
  )
  .refine(({ emailChangeLifetimeMs, emailUndoLifetimeMs }) => emailUndoLifetimeMs >= emailChangeLifetimeMs, {
    message: "must be at least the life of the token that confirms a change",
    path: ["emailUndoLifetimeMs"],
  });

/** As a service configures it. */
export type OneTimeTokenPolicyInput = z.input<typeof oneTimeTokenPolicySchema>;
export type OneTimeTokenPolicy = z.output<typeof oneTimeTokenPolicySchema>;
