import { parse, serialize } from "cookie";
import { z } from "zod";

/** How cookies are set. */
export interface CookieOptions {
  /** Only over TLS, with the prefix `__Host-`. Default: whether the issuer is https. */
  readonly secure?: boolean;
  /** Whether pages of other sites may send them along. `none` takes `secure`. Default: `lax`. */
  readonly sameSite?: "lax" | "strict" | "none";
  /** Keeps them apart for each site that embeds this one (CHIPS). Takes `secure`. Default: false. */
  readonly partitioned?: boolean;
  /** Name of the session cookie, without its prefix. Default: `session`. */
  readonly session?: string;
  /** Name of the device cookie, without its prefix. Default: `device`. */
  readonly device?: string;
}

/** A token of RFC 9110, as RFC 6265 wants it, that brings no prefix of its own. */
const cookieName = z
  .string()
  .regex(/^(?!__)[\w.!#$%&'*+^`|~-]{1,64}$/, "must be a cookie name without a prefix");

/** What the pages keep in a browser besides, each in a cookie named after the session's. */
export const pageCookies = [
  "form",
  "browser",
  "pending",
  "external",
  "notice",
  "hint",
  "mail",
  "setup",
  "shown",
] as const;

const impersonationOf = (session: string): string => `${session}-impersonation`;

const namesBeside = (session: string): string[] => [
  session,
  impersonationOf(session),
  ...pageCookies.map((kind) => `${session}-${kind}`),
];

/** The options of cookies, with their defaults. */
export const cookieOptionsSchema = z
  .strictObject({
    secure: z.boolean().optional(),
    sameSite: z.enum(["lax", "strict", "none"]).default("lax"),
    partitioned: z.boolean().default(false),
    session: cookieName.default("session"),
    device: cookieName.default("device"),
  })
  .refine(({ session, device }) => !namesBeside(session).includes(device), {
    path: ["device"],
    error: "must differ from session, and from other cookies of ours, which begin with it",
  });

/** As long as browsers keep a cookie at most. */
const longestMaxAgeSeconds = 400 * 86_400;
/** A value of ours has 43 characters; a longer one is nobody's. */
const maxDeviceLength = 64;

/** A cookie as it is set: its name, and the header's value. */
export interface SetCookie {
  readonly name: string;
  readonly header: string;
}

/**
 * The cookies: the session's, out of reach of scripts and gone when the session is; the device's, which outlives sessions,
 * opens none, and lets a device in while somebody else's guesses are delayed; and that of an impersonation, which stands
 * before the administrator's own session and leaves it as it is. While a browser has that one, nothing is done in the
 * administrator's own account: it outlives the impersonation, until the administrator stops it or signs in.
 */
export class IdentityCookies {
  readonly sessionName: string;
  readonly deviceName: string;
  readonly impersonationName: string;
  readonly #attributes;

  /** @param secure - false for development over plain http. */
  constructor(
    secure: boolean,
    options: z.output<typeof cookieOptionsSchema> = cookieOptionsSchema.parse({}),
  ) {
    const { sameSite, partitioned } = options;
    // Browsers take `__Host-` only from this very host, over TLS, for the whole of it.
    const prefix = secure ? "__Host-" : "";
    this.sessionName = `${prefix}${options.session}`;
    this.deviceName = `${prefix}${options.device}`;
    this.impersonationName = `${prefix}${impersonationOf(options.session)}`;
    this.#attributes = { path: "/", httpOnly: true, sameSite, secure, partitioned } as const;
  }

  /** The session token in a `Cookie` header: of an impersonation where there is one. */
  readSession(header: string | undefined): string | undefined {
    return this.readImpersonation(header) ?? this.readOwnSession(header);
  }

  /** The token of the session that the browser's person has signed in to, beside an impersonation too. */
  readOwnSession(header: string | undefined): string | undefined {
    return parse(header ?? "")[this.sessionName];
  }

  /** The token of an impersonation in a `Cookie` header. */
  readImpersonation(header: string | undefined): string | undefined {
    if (!header?.includes(this.impersonationName)) return undefined;
    return parse(header)[this.impersonationName] || undefined;
  }

  /** The device cookie of a `Cookie` header. */
  readDevice(header: string | undefined): string | undefined {
    const value = parse(header ?? "")[this.deviceName];
    return value && value.length <= maxDeviceLength ? value : undefined;
  }

  /** Hands a session's token to a browser, until the session's idle expiry. */
  session(token: string, expires: Date, now: Date): SetCookie {
    // Max-Age counts from now, whatever the client's clock says (RFC 6265 section 5.3: it goes before Expires).
    const maxAge = Math.max(0, Math.ceil((expires.getTime() - now.getTime()) / 1_000));
    return this.#set(this.sessionName, token, { expires, maxAge });
  }

  /**
   * Signs a browser out.
   *
   * @param header - the `Cookie` header that it sent: who stops an impersonation keeps their own session.
   */
  signOut(header: string | undefined): SetCookie {
    return this.readImpersonation(header) === undefined ? this.endSession() : this.endImpersonation();
  }

  /** Takes the token of the person's own session from a browser. */
  endSession(): SetCookie {
    return this.#set(this.sessionName, "", { expires: new Date(0), maxAge: 0 });
  }

  /** Hands the token of an impersonation to the administrator's browser. */
  impersonation(token: string): SetCookie {
    return this.#set(this.impersonationName, token, { maxAge: longestMaxAgeSeconds });
  }

  /** Takes it from there. */
  endImpersonation(): SetCookie {
    return this.#set(this.impersonationName, "", { expires: new Date(0), maxAge: 0 });
  }

  /** Makes a browser known. */
  device(value: string): SetCookie {
    return this.#set(this.deviceName, value, { maxAge: longestMaxAgeSeconds });
  }

  #set(name: string, value: string, life: { expires?: Date; maxAge: number }): SetCookie {
    return { name, header: serialize(name, value, { ...this.#attributes, ...life }) };
  }
}
