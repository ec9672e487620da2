import { invalidRequest } from "../oauth-error.js";

/** Parameters that may be named more than once (RFC 8707 section 2). */
const lists: ReadonlySet<string> = new Set(["resource"]);
const maxParameters = 100;

/** The parameters of a request (RFC 6749 section 3.1): one without a value is absent, one that we don't know is ignored. */
export class Parameters {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #unread: string | undefined;

  /** @param unread - why some of what was sent could not be read, and is left out. */
  constructor(values: ReadonlyMap<string, readonly string[]>, unread?: string) {
    this.#unread = unread;
    this.#values = new Map(
      [...values].flatMap(([name, list]) => {
        const given = list.filter((value) => value !== "");
        return given.length > 0 ? [[name, given] as const] : [];
      }),
    );
  }

  static fromQuery(url: string): Parameters {
    const at = url.indexOf("?");
    return Parameters.fromForm(at < 0 ? "" : url.slice(at + 1));
  }

  /**
   * Reads `application/x-www-form-urlencoded` (WHATWG URL section 5.1). What can't be read is a fault of the whole; the rest
   * shows where its answer goes.
   */
  static fromForm(text: string): Parameters {
    const values = new Map<string, string[]>();
    const pairs = text.split("&").filter(Boolean);
    let unread = pairs.length > maxParameters ? "the request has too many parameters" : undefined;
    for (const pair of pairs.slice(0, maxParameters)) {
      const at = pair.indexOf("=");
      const name = decode(at < 0 ? pair : pair.slice(0, at));
      const value = at < 0 ? "" : decode(pair.slice(at + 1));
      if (name === undefined || value === undefined) unread ??= "the request is no form in UTF-8";
      else values.set(name, [...(values.get(name) ?? []), value]);
    }
    return new Parameters(values, unread);
  }

  static fromRecord(record: Readonly<Record<string, string | string[]>>): Parameters {
    return new Parameters(new Map(Object.entries(record).map(([name, value]) => [name, [value].flat()])));
  }

  toRecord(): Record<string, string | string[]> {
    return Object.fromEntries(
      [...this.#values].map(([name, [first = "", ...others]]) => [
        name,
        others.length === 0 ? first : [first, ...others],
      ]),
    );
  }

  /** The same without some. */
  without(...names: readonly string[]): Parameters {
    return new Parameters(new Map([...this.#values].filter(([name]) => !names.includes(name))), this.#unread);
  }

  get isEmpty(): boolean {
    return this.#values.size === 0 && this.#unread === undefined;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value of a parameter that stands there at most once; of a repeated one there is none. */
  one(name: string): string | undefined {
    const values = this.#values.get(name);
    return values?.length === 1 ? values[0] : undefined;
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** What is wrong with the request, whatever it asks for: it can't be read, or names a parameter twice (OAuth 2.1 section 3.1). */
  get fault(): string | undefined {
    if (this.#unread !== undefined) return this.#unread;
    const isRepeated = [...this.#values].some(([name, values]) => values.length > 1 && !lists.has(name));
    return isRepeated ? "a parameter is repeated" : undefined;
  }

  /** @throws OAuthError `invalid_request` */
  assertValid(): void {
    const { fault } = this;
    if (fault !== undefined) throw invalidRequest(fault);
  }
}

/** Bytes that are not ASCII are sent in percent-encoding; read as they are, they would be Latin-1. */
function decode(text: string): string | undefined {
  if (/[^\x20-\x7e]/.test(text)) return undefined;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
