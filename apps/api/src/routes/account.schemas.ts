import { passwordLength, passwordSchema } from "@org/db-models";
import { z } from "zod";
import { idOutput } from "../schemas.js";
import { ended, expiry, token } from "./sessions.schemas.js";

/** Proof that it is the user who asks, and not somebody at their open browser. */
export const erasureBody = z.strictObject({
  password: z.string().min(1).max(passwordLength.max).describe("The account's password, once more"),
});

/** The password as it was, and as it is to be. */
export const passwordChange = erasureBody.extend({ newPassword: passwordSchema });

/** What a change of the password gives. */
export const passwordChanged = ended.extend({ token, ...expiry }).meta({ id: "PasswordChanged" });

/** What an erasure did. */
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
