import type { SigningAlgorithm } from "@org/db-models";
import { signingAlgorithms } from "@org/db-models/schemas";
import { z } from "zod";

/** Options of the OAuth 2.1 and OpenID Connect provider. */
export interface OAuthOptions {
  /** Path before its endpoints. Default: `/oauth`. */
  readonly prefix?: string;
  /**
   * Its name in metadata and tokens, of the plugin's origin, perhaps with a path: `https://id.example.com/tenant`. Default:
   * the plugin's `issuer`.
   */
  readonly issuer?: string;
  /** How tokens are signed; access tokens with the first. Default: RS256. */
  readonly algorithms?: readonly SigningAlgorithm[];
  /** Life of an id_token, milliseconds, 60,000 to 86,400,000. Default: 600,000. */
  readonly idTokenLifetimeMs?: number;
  /** Identifier of this app as a resource server: what its guards take access tokens for. Default: the issuer. */
  readonly audience?: string;
  /** Whether DPoP proofs have to carry a nonce of ours (RFC 9449 section 8). Default: false. */
  readonly dpopNonces?: boolean;
  /** Ended sessions are looked for this often, milliseconds, to tell their apps. Default: 2,000. */
  readonly logoutSweepMs?: number;
  /**
   * Requests per minute of one client at the token endpoint: of each instance, or of all together where `rateLimit.store` is
   * `database`. Default: 600.
   */
  readonly tokenRequests?: number;
}

/** The options with their bounds and defaults. */
export const oauthOptionsSchema = z.strictObject({
  prefix: z
    .string()
    .regex(/^(\/[\w.~-]+)+$/, "must be a path such as /oauth")
    .default("/oauth"),
  issuer: z
    .string()
    .refine(isIssuer, "must be an origin with or without a path, such as https://id.example.com/tenant")
    .optional(),
  algorithms: z
    .array(z.enum(signingAlgorithms))
    .min(1)
    .refine((list) => new Set(list).size === list.length, "each must be another")
    // OpenID Connect Discovery section 3: RS256 must be among them.
    .transform((list) => (list.includes("RS256") ? list : [...list, "RS256" as const]))
    .default(["RS256"]),
  idTokenLifetimeMs: z.int().min(60_000).max(86_400_000).default(600_000),
  audience: z.string().min(1).max(2_048).refine(URL.canParse, "must be an absolute URI").optional(),
  dpopNonces: z.boolean().default(false),
  logoutSweepMs: z.int().min(10).max(60_000).default(2_000),
  tokenRequests: z.int().min(1).max(1_000_000).default(600),
});

export type OAuthSettings = z.output<typeof oauthOptionsSchema>;

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, pathname } = new URL(text);
  return text === origin || (text === origin + pathname && !text.endsWith("/"));
}
