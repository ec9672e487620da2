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
  /** The key of an authenticator app that is being set up: as long as an enrolment may last. */
  setup: 3_600,
  /** A secret that the next page shows once. Each has an id, for several tabs. */
  shown: 120,
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

  read(header: string | undefined, kind: Kind, id?: string): string | undefined {
    const value = parse(header ?? "")[this.#nameOf(kind, id)];
    return value && value.length <= maxLength ? value : undefined;
  }

  /** @throws RangeError for a value that no browser would keep, as it is encoded. */
  set(kind: Kind, value: string, id?: string): SetCookie {
    const maxAge = kinds[kind];
    const life = maxAge === undefined ? {} : { maxAge };
    const name = this.#nameOf(kind, id);
    const header = serialize(name, value, { ...this.#attributes, ...life });
    if (header.length > maxLength) throw new RangeError(`the cookie ${name} is too long`);
    return { name, header };
  }

  end(kind: Kind, id?: string): SetCookie {
    const name = this.#nameOf(kind, id);
    return { name, header: serialize(name, "", { ...this.#attributes, maxAge: 0 }) };
  }

  /** The ids under which a browser keeps cookies of a kind. */
  idsOf(header: string | undefined, kind: Kind): string[] {
    const begin = `${this.#nameOf(kind)}.`;
    const names = Object.keys(parse(header ?? "")).filter((name) => name.startsWith(begin));
    return names.map((name) => name.slice(begin.length));
  }

  #nameOf(kind: Kind, id?: string): string {
    return this.#prefix + kind + (id === undefined ? "" : `.${id}`);
  }
}
