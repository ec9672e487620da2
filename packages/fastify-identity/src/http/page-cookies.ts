import { parse, serialize } from "cookie";
import type { pageCookies, SetCookie } from "../flows/cookies.js";

/** What the pages and routes keep in a browser besides the session. */
const kinds = {
  /** Proves that a form came from a page of ours; as long as the browser is open. */
  form: undefined,
  /** The browser itself: what an app has asked in it is answered in it. */
  browser: undefined,
  /** A sign-in that waits for a code. */
  pending: 600,
  /** A sign-in at a provider. */
  external: 600,
  /** What to say on the next page. */
  notice: 120,
  /** Whom an app expects: where the app says it to us alone, no address has it. */
  hint: 600,
  /** Whom a message was sent to. */
  mail: 600,
} as const satisfies Record<(typeof pageCookies)[number], number | undefined>;

type Kind = keyof typeof kinds;

/** Browsers keep 4,096 bytes of a cookie's name and value, as they are sent, and drop a longer one without a word. */
const maxLength = 4_000;

/** Cookies of flows that a browser is in the middle of. */
export class PageCookies {
  readonly #prefix: string;
  readonly #attributes;

  /** @param secure - false for development over plain http. */
  constructor(secure: boolean, session: string) {
    this.#prefix = `${secure ? "__Host-" : ""}${session}-`;
    this.#attributes = { path: "/", httpOnly: true, sameSite: "lax", secure } as const;
  }

  read(header: string | undefined, kind: Kind): string | undefined {
    const value = parse(header ?? "")[this.#prefix + kind];
    return value && value.length <= maxLength ? value : undefined;
  }

  /** @throws RangeError for a value that no browser would keep, as it is encoded. */
  set(kind: Kind, value: string): SetCookie {
    const maxAge = kinds[kind];
    const life = maxAge === undefined ? {} : { maxAge };
    const name = this.#prefix + kind;
    const header = serialize(name, value, { ...this.#attributes, ...life });
    if (header.length > maxLength) throw new RangeError(`the cookie ${name} is too long`);
    return { name, header };
  }

  end(kind: Kind): SetCookie {
    const name = this.#prefix + kind;
    return { name, header: serialize(name, "", { ...this.#attributes, maxAge: 0 }) };
  }
}
