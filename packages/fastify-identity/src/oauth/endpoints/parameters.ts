import { invalidRequest } from "../oauth-error.js";

/** Parameters that may be named more than once (RFC 8707 section 2). */
const lists: ReadonlySet<string> = new Set(["resource"]);
const maxParameters = 100;

/** The parameters of a request (RFC 6749 section 3.1): one without a value is absent, one that we don't know is ignored. */
export class Parameters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = new Map(
      [...values].flatMap(([name, list]) => {
        const given = list.filter((value) => value !== "");
        return given.length > 0 ? [[name, given] as const] : [];
      }),
    );
  }

  /** @throws OAuthError `invalid_request` for bytes that are no UTF-8. */
  static fromQuery(url: string): Parameters {
    const at = url.indexOf("?");
    return Parameters.fromForm(at < 0 ? "" : url.slice(at + 1));
  }

  /** Reads `application/x-www-form-urlencoded`. */
  static fromForm(text: string): Parameters {
    const values = new Map<string, string[]>();
    const pairs = text.split("&").filter(Boolean);
    if (pairs.length > maxParameters) throw invalidRequest("the request has too many parameters");
    for (const pair of pairs) {
      const at = pair.indexOf("=");
      const name = decode(at < 0 ? pair : pair.slice(0, at));
      values.set(name, [...(values.get(name) ?? []), at < 0 ? "" : decode(pair.slice(at + 1))]);
    }
    return new Parameters(values);
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
    return new Parameters(new Map([...this.#values].filter(([name]) => !names.includes(name))));
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
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

  /** A parameter that is named twice and must not be (OAuth 2.1 section 3.1). */
  get repeated(): string | undefined {
    return [...this.#values].find(([name, values]) => values.length > 1 && !lists.has(name))?.[0];
  }

  /** @throws OAuthError `invalid_request` when a parameter is repeated. */
  assertOnce(): void {
    const name = this.repeated;
    if (name !== undefined) throw invalidRequest("a parameter is repeated");
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalidRequest("the request is no UTF-8");
  }
}
