import type { IdentityProvider } from "@org/fastify-identity/providers";
import {
  appleProvider,
  gitHubProvider,
  googleProvider,
  microsoftProvider,
  openIdProvider,
} from "@org/fastify-identity/providers";
import { z } from "zod";

const client = {
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens")
    .optional(),
  name: z.string().min(1).max(64).optional(),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  createsAccounts: z.boolean().optional(),
};

const provider = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("google"), ...client, hostedDomain: z.string().min(1).optional() }),
  z.strictObject({ kind: z.literal("microsoft"), ...client, tenant: z.string().min(1) }),
  z.strictObject({ kind: z.literal("apple"), ...client }),
  z.strictObject({
    kind: z.literal("github"),
    ...client,
    url: z.url({ protocol: /^https?$/ }).optional(),
  }),
  z.strictObject({
    kind: z.literal("openid"),
    ...client,
    id: client.id.unwrap(),
    name: client.name.unwrap(),
    issuer: z.url({ protocol: /^https?$/ }),
    trustsEmail: z.boolean().optional(),
    scope: z.string().min(1).optional(),
  }),
]);

type ProviderSettings = z.output<typeof provider>;

/** A list as JSON, as an environment variable has it; no message repeats a secret. */
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "must be JSON" });
    return z.NEVER;
  }
});

const idOf = ({ id, kind }: ProviderSettings): string => id ?? kind;

const list = z
  .array(provider)
  .max(32)
  .refine((providers) => new Set(providers.map(idOf)).size === providers.length, {
    error: "must have different ids",
  });

/** The setting `providers`. */
export const providerSettings = z.union([list, json.pipe(list)]);

/** The providers of the settings. */
export function providersOf(settings: readonly ProviderSettings[]): IdentityProvider[] {
  return settings.map(providerOf);
}

function providerOf({ kind, ...options }: ProviderSettings): IdentityProvider {
  // An option that is not set is left out, so that the preset's default holds.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return make[kind](given as never);
}

const make = {
  google: googleProvider,
  microsoft: microsoftProvider,
  apple: appleProvider,
  github: gitHubProvider,
  openid: openIdProvider,
} as const satisfies Record<ProviderSettings["kind"], (options: never) => IdentityProvider>;
