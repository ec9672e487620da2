// Which paths a scope has, and which methods each of them takes.
import type { FastifyInstance } from "fastify";

/** Methods by path, or by pattern of paths such as `/sessions/:id`. */
export type MethodsOfPath = ReadonlyMap<string, ReadonlySet<string>>;

/** How the router of an app reads an address. */
interface Reading {
  readonly caseSensitive: boolean;
  readonly ignoreTrailingSlash: boolean;
  readonly ignoreDuplicateSlashes: boolean;
  readonly useSemicolonDelimiter: boolean;
}

interface Known {
  readonly path: string;
  readonly methods: ReadonlySet<string>;
  readonly text: RegExp;
}

/** Finds the path of an address, as the router does. Of a parameter with a pattern of its own any text is taken. */
export class KnownPaths {
  readonly #methods: MethodsOfPath;
  readonly #reading: Reading;
  #sorted: readonly Known[] | undefined;
  #patterns: readonly Known[] | undefined;

  constructor(app: FastifyInstance, methods: MethodsOfPath) {
    this.#methods = methods;
    this.#reading = readingOf(app);
  }

  /** The path and its methods; `url` may have a query. */
  find(url: string): { readonly path: string; readonly methods: ReadonlySet<string> } | undefined {
    const asked = this.#pathOf(url);
    this.#sorted ??= this.#sort();
    return this.#sorted.find(({ text }) => text.test(asked));
  }

  /** Methods of other patterns that take this path too, as `/sessions/:id` takes `/sessions/challenge`. */
  methodsOfPatterns(path: string): ReadonlySet<string> {
    this.#patterns ??= [...this.#methods]
      .filter(([pattern]) => /[:*]/.test(pattern))
      .map((entry) => this.#known(entry));
    const others = this.#patterns.filter((pattern) => pattern.path !== path && pattern.text.test(path));
    return new Set(others.flatMap(({ methods }) => [...methods]));
  }

  /** What stands literally comes before a parameter, and that before a wildcard. */
  #sort(): Known[] {
    const rank = (path: string) => path.replace(/:[^/]*/g, "\u{fffe}").replace("*", "\u{ffff}");
    return [...this.#methods]
      .sort(([one], [other]) => (rank(one) < rank(other) ? -1 : 1))
      .map((entry) => this.#known(entry));
  }

  #known([path, methods]: readonly [string, ReadonlySet<string>]): Known {
    return { path, methods, text: this.#textOf(path) };
  }

  #textOf(path: string): RegExp {
    const parts = this.#pathOf(path)
      .split("/")
      .map((part) => {
        if (part === "*") return ".*";
        return part.startsWith(":") && !part.startsWith("::") ? "[^/]*" : escaped(part.replaceAll("::", ":"));
      });
    return new RegExp(`^${parts.join("/")}$`, this.#reading.caseSensitive ? "s" : "is");
  }

  #pathOf(url: string): string {
    const [whole = ""] = url.split(this.#reading.useSemicolonDelimiter ? /[?#;]/ : /[?#]/, 1);
    const path = this.#reading.ignoreDuplicateSlashes ? whole.replace(/\/{2,}/g, "/") : whole;
    const ends = this.#reading.ignoreTrailingSlash && path.length > 1 && path.endsWith("/");
    return decodeURI(ends ? path.slice(0, -1) : path);
  }
}

function readingOf({ initialConfig }: FastifyInstance): Reading {
  // Before Fastify 5.5 they stood beside the other settings.
  const set: Partial<Reading> = { ...initialConfig, ...initialConfig.routerOptions };
  return {
    caseSensitive: set.caseSensitive ?? true,
    ignoreTrailingSlash: set.ignoreTrailingSlash ?? false,
    ignoreDuplicateSlashes: set.ignoreDuplicateSlashes ?? false,
    useSemicolonDelimiter: set.useSemicolonDelimiter ?? false,
  };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
