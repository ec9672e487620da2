import { z } from "zod";
import { printable } from "../input.js";
import { duration } from "../limits.js";
import type { CounterRules } from "./login-defence.js";

const lasts = (min: number, max: number, defaultMs: number, meaning: string) =>
  z.int().min(min).max(max).default(defaultMs).describe(`${meaning}, in milliseconds`);

const domain = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** As browsers and Android name where a page or an app is from, and nothing else: no path, no wildcard. */
function isOrigin(origin: string): boolean {
  if (/^android:apk-key-hash:[A-Za-z0-9_-]{43}$/.test(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname, origin: canonical } = new URL(origin);
  return (
    canonical === origin &&
    domain.test(hostname) &&
    (protocol === "https:" || (protocol === "http:" && hostname === "localhost"))
  );
}

const passkeyPolicySchema = z.strictObject({
  rpId: z
    .string()
    .regex(domain, "must be a domain in lower case, without scheme and port")
    .describe(
      "Domain that passkeys belong to (the RP ID); with another one all that were registered are lost",
    ),
  origins: z
    .array(z.string().refine(isOrigin, "must be an origin, such as https://app.example.com"))
    .min(1)
    .max(16)
    .describe("Origins of the pages and apps that may use them, compared exactly"),
});

/** What holds for second factors; every field has a default. */
export const factorPolicySchema = z
  .strictObject({
    issuer: printable(64)
      .refine((issuer) => !issuer.includes(":"), "must not contain a colon")
      .default("Identity")
      .describe("Name of the service, as authenticator apps show it"),
    reauthenticationMs: lasts(
      duration.minute,
      duration.hour,
      5 * duration.minute,
      "Factors are changed only by who proved so recently who they are",
    ),
    enrolmentMs: lasts(duration.minute, duration.hour, 10 * duration.minute, "Time to confirm a new factor"),
    passkeys: passkeyPolicySchema.optional().describe("Passkeys; without it there are none"),
    passkeyCeremonyMs: lasts(
      duration.minute,
      duration.hour,
      5 * duration.minute,
      "Time to register or use a passkey",
    ),
    rememberedDeviceMs: lasts(
      duration.minute,
      90 * duration.day,
      30 * duration.day,
      "A remembered device is not asked for a second factor for so long",
    ),
    recoveryDelayMs: lasts(
      duration.hour,
      30 * duration.day,
      3 * duration.day,
      "Who has lost every factor waits so long, while the account's owner can object",
    ),
    windowSteps: z
      .int()
      .min(0)
      .max(2)
      .default(1)
      .describe("TOTP codes of so many steps of 30 seconds before and after pass too"),
    free: z.int().min(1).max(20).default(5).describe("Wrong codes that delay nobody"),
    forgetMs: lasts(
      duration.minute,
      30 * duration.day,
      duration.hour,
      "Time in which one wrong code is forgotten",
    ),
    firstDelayMs: lasts(
      duration.second,
      duration.hour,
      15 * duration.second,
      "Delay once the free ones are used up; it doubles",
    ),
    maxDelayMs: lasts(duration.second, duration.day, duration.hour, "Longest delay"),
  })
  .refine(({ firstDelayMs, maxDelayMs }) => maxDelayMs >= firstDelayMs, {
    message: "must be at least firstDelayMs",
    path: ["maxDelayMs"],
  });

/** As a service configures it. */
export type FactorPolicyInput = z.input<typeof factorPolicySchema>;
export type FactorPolicy = z.output<typeof factorPolicySchema>;

/** How wrong codes of one account are counted. */
export function factorRules({ free, forgetMs, firstDelayMs, maxDelayMs }: FactorPolicy): CounterRules {
  const cap = free + Math.ceil(Math.log2(maxDelayMs / firstDelayMs));
  return { free, challengeAfter: cap, forgetMs, firstDelayMs, maxDelayMs, cap };
}
