import { z } from "zod";
import { idInput, idOutput, limitInput, pageInput } from "../../http/answers/schemas.js";

/** An API key as its owner sees it. */
const apiKey = z
  .object({
    id: idOutput,
    name: z.string(),
    start: z.string().describe("The first characters of the key"),
    scopes: z.array(z.string()),
    ipAllowlist: z.array(z.string()),
    rateLimit: z.object({ limit: z.number().optional(), windowMs: z.number().optional() }),
    quota: z.object({
      remaining: z.number().optional().describe("What no instance of the service has claimed yet"),
      refillAmount: z.number().optional(),
      refillIntervalMs: z.number().optional(),
    }),
    usage: z.object({ requests: z.number(), failures: z.number() }),
    lastUsedAt: z.date().optional(),
    createdAt: z.date(),
    expiresAt: z.date().optional(),
    rotatedAt: z.date().optional(),
    formerExpiresAt: z.date().optional().describe("When the key before the last rotation ends, or ended"),
  })
  .meta({ id: "ApiKey" });

const key = z.string().describe("The key itself. Shown once");

export const createdApiKey = z.object({ apiKey, key });
export const rotatedApiKey = z.object({ apiKey, key, formerExpiresAt: z.date() });
export const apiKeyParams = z.strictObject({ id: idInput });
export const apiKeysQuery = z.strictObject({
  limit: limitInput,
  before: pageInput.optional().describe("Only older ones: `next` of the page before, or a date"),
});
export const apiKeyList = z.object({
  apiKeys: z.array(apiKey),
  next: z.string().nullable().describe("`before` of the next page, if there may be one"),
});
