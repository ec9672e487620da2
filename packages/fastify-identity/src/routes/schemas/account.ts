import { passwordSchema } from "@org/db-models";
import { z } from "zod";
import { idOutput } from "../../http/answers/schemas.js";
import { ended, expiry, passwordBody, token } from "./sessions.js";

/** The password as it was, and as it is to be. */
export const passwordChange = passwordBody.extend({ newPassword: passwordSchema });

/** The first password of an account. */
export const firstPassword = passwordChange.pick({ newPassword: true });

/** Proof of who erases an account. */
export const erasureBody = passwordBody
  .partial()
  .describe("Without a password only for an account that has none, after a recent sign-in");

/** Result of a change of the password. */
export const passwordChanged = ended.extend({ token, ...expiry }).meta({ id: "PasswordChanged" });

/** Result of an erasure. */
export const erasureReport = z
  .object({
    id: idOutput.describe("Names this erasure in the audit trail's own terms: nobody can tell whose it was"),
    requestedAt: z.date(),
    finishedAt: z.date(),
    removed: z.record(z.string(), z.int()).describe("Documents removed, by collection"),
    remaining: z.record(z.string(), z.int()).describe("Documents that a count at the end found: zeros"),
    anonymisedAuditEvents: z.int().describe("Audit events that nothing links to the account any more"),
  })
  .meta({ id: "ErasureReport" });

export const exportLines = z
  .string()
  .describe(
    "One JSON object a line: a header, a document a line, and an end that counts them. Without its end it was cut.",
  );
