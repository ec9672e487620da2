import { z } from "zod";
import { delivery } from "./sessions.js";

/** For the document: hosts that every reader of URLs takes. */
const label = "[a-z0-9]{1,20}(-[a-z0-9]{1,20})?";
const webOrigin = `https?://(127\\.0\\.0\\.1|(${label}\\.){0,4}[a-z]{2,20})(:[1-9][0-9]{0,3})?`;

const id = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens")
  .describe("Id of the provider");

export const providerParams = z.strictObject({ provider: id });

const webAddress = z
  .url({ protocol: /^https?$/, hostname: z.regexes.hostname })
  .max(2_048)
  .meta({
    pattern: `^${webOrigin}/[A-Za-z0-9/_-]*$`,
    examples: ["https://app.example.com/back/acme"],
  });

/** Where a provider sends the browser back to. */
export const beginBody = z.strictObject({
  redirectUri: webAddress.describe(
    "Address of a page of a trusted origin, with the provider's id in its path, as it is registered at the provider",
  ),
  delivery: delivery.describe(
    "`cookie`: the browser keeps the attempt. `token`: it is in the answer, for a program to keep",
  ),
});

/** A sign-in at a provider that has begun. */
export const begun = z
  .object({
    url: z.string().describe("Address at the provider: send the browser there"),
    attempt: z.string().optional().describe("Only with `delivery: token`: what the end of the sign-in takes"),
    expiresAt: z.date(),
  })
  .meta({ id: "BegunExternal" });

const attempt = z
  .string()
  .min(1)
  .max(4_096)
  .optional()
  .describe("As it came with the beginning; a browser has it in its cookie");
const answer = z
  .url({ protocol: /^https?$/ })
  .max(8_192)
  .meta({
    pattern: `^${webOrigin}/[A-Za-z0-9/_-]*\\?[A-Za-z0-9=&_%.~-]+$`,
    examples: ["https://app.example.com/back/acme?code=…&state=…"],
  })
  .describe("The address, with its query, that the provider sent the browser to");

/** What a provider sent a browser back with, to sign in. */
export const finishSignInBody = z.strictObject({ answer, attempt, delivery });

/** What a provider sent a browser back with, to link. */
export const finishLinkBody = z.strictObject({ answer, attempt });

export const linkMade = z.object({ added: z.boolean().describe("False when it was linked before") });

export const providerList = z.object({
  providers: z.array(z.object({ id: z.string(), name: z.string().describe("For people") })),
});

export const linkedList = z.object({
  linked: z.array(z.object({ provider: z.string(), linkedAt: z.date() })),
  hasPassword: z.boolean(),
});
