import { z } from "zod";

/** Where an address is said to be. */
export interface Place {
  /** Degrees, -90 to 90. */
  readonly latitude: number;
  /** Degrees, -180 to 180. */
  readonly longitude: number;
  /** Radius within which the place really is, kilometres. Default: 0. */
  readonly accuracyKm?: number | undefined;
}

/** Kinds of lists that an address can be on. */
export const networkFlagKinds = [
  "tor",
  "vpn",
  "proxy",
  "hosting",
  "listed",
  "relay",
  "satellite",
  "shared",
] as const;
/** One of {@link networkFlagKinds}. */
export type NetworkFlagKind = (typeof networkFlagKinds)[number];

/**
 * One entry of a list about an address. `listed`: on a list of attackers. `relay`: iCloud Private Relay and its like.
 * `shared`: the common way out of a carrier or a company.
 */
export interface NetworkFlag {
  readonly kind: NetworkFlagKind;
  /** When the list was made, ms since 1970. A stale list counts for nothing. */
  readonly asOf: number;
}

/**
 * A sign-in: what its request shows, with what the caller's own data knows of its address. All but the time may be
 * missing; what is missing or malformed is no evidence.
 */
export interface Attempt {
  /** When, ms since 1970. */
  readonly at: number;
  /** The client's address, from a trusted proxy. Private and malformed ones count as missing. */
  readonly ip?: string | undefined;
  /** Number of the network operator. */
  readonly asn?: number | string | undefined;
  /** Code of the country. */
  readonly country?: string | undefined;
  readonly place?: Place | undefined;
  readonly flags?: readonly NetworkFlag[] | undefined;
  /** The header as received. Browser, system and type are read from it where they are not given. */
  readonly userAgent?: string | undefined;
  /** Name, and version after a space: `Chrome 120`. */
  readonly browser?: string | undefined;
  /** Name, with or without version. */
  readonly os?: string | undefined;
  /** `desktop`, `mobile`, `tablet` and so on. */
  readonly deviceType?: string | undefined;
  /** The device's name in a signed cookie of this service. */
  readonly deviceId?: string | undefined;
}

/** Feedback on an earlier sign-in by the person, or by a support agent. */
export interface Feedback {
  readonly verdict: "mine" | "not_mine";
  /** When it was given, ms since 1970. */
  readonly at: number;
  /** The session that it is about. */
  readonly aboutSessionId: string;
  /** The session that it was given from. The same one is ignored: a thief would say "mine". */
  readonly fromSessionId: string;
  /** Address of the sign-in that it is about. */
  readonly ip?: string | undefined;
  /** Header of the sign-in that it is about. */
  readonly userAgent?: string | undefined;
}

/** The caller's knowledge beside the request. Everything is optional; a missing value is no evidence. */
export interface AttemptContext {
  readonly failures?:
    | {
        /** Failed sign-ins of this account in the last hour. */
        readonly account?: number | undefined;
        /** Failed sign-ins from this network in the last hour. */
        readonly network?: number | undefined;
        /** Accounts that used this network legitimately in the last days: a shared one may fail more often. */
        readonly networkUsers?: number | undefined;
      }
    | undefined;
  /** Live sessions of this account: where and when each was last used. */
  readonly sessions?: readonly { readonly at: number; readonly place: Place }[] | undefined;
  readonly feedback?: readonly Feedback[] | undefined;
  /** The password is known to have leaked. */
  readonly leakedPassword?: boolean | undefined;
  /** The page saw a program instead of a person. */
  readonly automated?: boolean | undefined;
  /** Calls of the account's programs, per minute: now, and usually. */
  readonly requests?: { readonly perMinute: number; readonly usualPerMinute: number } | undefined;
}

const placeSchema = z.object({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  accuracyKm: z.number().min(0).optional(),
});
const text = z.string().optional();

/** {@link Attempt} for the edge of a program; fields that it does not know are dropped. */
export const attemptSchema: z.ZodType<Attempt> = z.object({
  at: z.number(),
  ip: text,
  asn: z.union([z.number(), z.string()]).optional(),
  country: text,
  place: placeSchema.optional(),
  flags: z
    .array(
      z.object({
        kind: z.enum(networkFlagKinds),
        asOf: z.number(),
      }),
    )
    .optional(),
  userAgent: text,
  browser: text,
  os: text,
  deviceType: text,
  deviceId: text,
});

const count = z.number().min(0);

/** {@link AttemptContext} for the edge of a program; fields that it does not know are dropped. */
export const attemptContextSchema: z.ZodType<AttemptContext> = z.object({
  failures: z
    .object({ account: count.optional(), network: count.optional(), networkUsers: count.optional() })
    .optional(),
  sessions: z.array(z.object({ at: z.number(), place: placeSchema })).optional(),
  feedback: z
    .array(
      z.object({
        verdict: z.enum(["mine", "not_mine"]),
        at: z.number(),
        aboutSessionId: z.string(),
        fromSessionId: z.string(),
        ip: text,
        userAgent: text,
      }),
    )
    .optional(),
  leakedPassword: z.boolean().optional(),
  automated: z.boolean().optional(),
  requests: z.object({ perMinute: count, usualPerMinute: count }).optional(),
});
