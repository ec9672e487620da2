import { z } from "zod";

/** What an attempt at a provider must bring back. */
export interface ProviderAttempt {
  /** Where the provider sends the browser back to. */
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  /** PKCE (RFC 7636). */
  readonly codeVerifier: string;
  /** The time, by the clock of the identity object. */
  readonly now: Date;
}

/** What a provider says of somebody besides who it is. */
export interface ProviderDetails {
  readonly email?: string | undefined;
  /** True only where the provider says so of this address. */
  readonly emailVerified: boolean;
  readonly displayName?: string | undefined;
}

/** What a provider says of somebody. */
export interface ProviderProfile extends ProviderDetails {
  /** `iss` of the id token, tenant included; the provider's origin where it has none. */
  readonly issuer: string;
  readonly subject: string;
  /**
   * Asks the provider for what it has not said yet. It is called for somebody who has no account, before one is made.
   *
   * @throws ProviderError
   */
  readonly readDetails?: () => Promise<ProviderDetails>;
}

/** An identity provider, as the functions of `@org/fastify-identity/providers` make it. */
export interface IdentityProvider {
  /** In addresses and in the database: lower-case letters, digits and hyphens. Changing it unlinks nobody. */
  readonly id: string;
  /** For people, such as `Google`. */
  readonly name: string;
  /** Whether an address that the provider has verified counts as verified here. */
  readonly trustsEmail: boolean;
  /** Whether somebody without an account gets one. */
  readonly createsAccounts: boolean;
  /** Address at the provider where the attempt begins. */
  begin(attempt: ProviderAttempt): Promise<URL>;
  /**
   * Takes the answer in for what it says of somebody.
   *
   * @throws ProviderError
   */
  finish(answer: URL, attempt: ProviderAttempt): Promise<ProviderProfile>;
}

/** `cancelled` when the person or the provider said no; `failed` when the answer is not one that can be believed. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly reason: "cancelled" | "failed";

  constructor(reason: ProviderError["reason"], options: ErrorOptions = {}) {
    super(
      reason === "cancelled" ? "the sign-in was ended at the provider" : "the provider's answer failed",
      options,
    );
    this.reason = reason;
  }
}

/** Ids of providers, as @org/db-models stores them. */
export const providerIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens");

const providerSchema = z.custom<IdentityProvider>((value) => {
  const { id, name, begin, finish } = (value ?? {}) as Partial<IdentityProvider>;
  const isNamed = providerIdSchema.safeParse(id).success && typeof name === "string";
  return isNamed && typeof begin === "function" && typeof finish === "function";
}, "must be what a function of @org/fastify-identity/providers returns");

export const providersSchema = z
  .array(providerSchema)
  .max(32)
  .refine((providers) => new Set(providers.map(({ id }) => id)).size === providers.length, {
    error: "must have different ids",
  })
  .default([]);
