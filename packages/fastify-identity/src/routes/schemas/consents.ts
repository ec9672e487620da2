import { appStatuses } from "@org/db-models/schemas";
import { z } from "zod";
import { clientIdInput, limitInput, pageInput } from "../../http/answers/schemas.js";

/** What a user lets an app do, as they see it. */
const consent = z
  .object({
    app: z.object({
      clientId: z.string(),
      name: z.string(),
      homepage: z.string().optional(),
      status: z.enum(appStatuses).describe("While it is not `active` nothing of it works"),
    }),
    scopes: z.array(z.string()),
    grantedAt: z.date().describe("When the user agreed, or agreed to more"),
    lastUsedAt: z.date().optional().describe("Its last sign-in or refresh, to the hour"),
  })
  .meta({ id: "Consent" });

export const consentParams = z.strictObject({ clientId: clientIdInput });
export const consentsQuery = z.strictObject({
  limit: limitInput,
  before: pageInput.optional().describe("Only older ones: `next` of the page before, or a date"),
});
export const consentList = z.object({
  consents: z.array(consent),
  next: z.string().nullable().describe("`before` of the next page, if there may be one"),
});
