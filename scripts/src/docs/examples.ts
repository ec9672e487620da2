// The exports of the packages and the examples of their doc comments, compiled in one program, as reading and checking the
// declarations of Mongoose takes most of the time. An example that calls what has been renamed is a fault.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

/** Packages whose comments people read. */
const packages = ["db-models", "db-optimizer", "db-cli", "risk-engine", "fastify-identity"];

/** Names that an example takes as given, with their types. Whatever else it uses must be exported. */
const given = `
declare const process: { env: any };
declare const [uri, issuer, clientId, clientSecret, redirectUri, client, bearer, token, code, attempt, response, session]: any[];
declare const [email, password, identifier, ip, address, userAgent, input, name, _id, id, userId, actorId, sessionId]: any[];
declare const [sessionGeneration, risk, profile, population, logins, lastMonth, threshold, passedSecondFactor]: any[];
declare const [request, reply, page, mail, file, writeFile, kept, deliver, remember, notifier, retryLater]: any[];
declare const [askForSecondFactor, endSession, inOldLayout, inNewLayout, signingKey, publicKey, orderSchema, now]: any[];
declare const [User, Session]: [import("mongoose").Model<any>, import("mongoose").Model<any>];
`;

interface Example {
  /** As the compiler names it: beside the file that it is in, so that its imports lead where those lead. */
  readonly name: string;
  readonly place: string;
  readonly code: string;
  readonly source: string;
}

/** The sources of a package's entry. */
interface Entry {
  /** As an import names it, without the scope: `db-models/core`. */
  readonly name: string;
  readonly source: ts.SourceFile;
}

/** The packages with their examples, compiled. */
export interface Compiled {
  readonly program: ts.Program;
  readonly entries: readonly Entry[];
  /** Faults of all examples, each with the line of its comment. */
  faults(): string[];
}

/** @param root - folder of the repository. */
export function compileExamples(root: string): Compiled {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const settings = {
    ...options,
    noEmit: true,
    skipLibCheck: true,
    incremental: false,
    noImplicitAny: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    exactOptionalPropertyTypes: false,
  };
  const examples = packages.flatMap((name) => examplesOf(root, join(root, "packages", name, "src")));
  const entries = packages.flatMap((name) => entriesOf(root, name));
  const files = [...new Set([...entries, ...examples].map(({ source }) => source))];
  const before = ts.createProgram(files, settings);
  const checker = before.getTypeChecker();
  const exported = (file: string) => {
    const symbol = before.getSourceFile(file);
    const module = symbol && checker.getSymbolAtLocation(symbol);
    return module ? checker.getExportsOfModule(module).map(({ name }) => name) : [];
  };
  // Of several that export a name the first package has it, without a subpath.
  const owners = new Map(
    entries
      .toSorted((one, other) => packages.indexOf(other.folder) - packages.indexOf(one.folder))
      .flatMap(({ specifier, source }) => exported(source).map((name) => [name, specifier] as const)),
  );
  const texts = new Map(
    examples.map((example) => {
      const own = exported(example.source);
      const words = new Set(example.code.match(/\b[A-Za-z_]\w*\b/g) ?? []);
      return [example.name, programOf(example, words, own, owners)];
    }),
  );
  const host = ts.createCompilerHost(settings);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, ...rest) => {
    const text = texts.get(name);
    return text === undefined
      ? (before.getSourceFile(name) ?? getSourceFile.call(host, name, ...rest))
      : ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  };
  host.fileExists = (name) => texts.has(name) || fileExists.call(host, name);
  host.readFile = (name) => texts.get(name) ?? readFile.call(host, name);
  const program = ts.createProgram([...files, ...texts.keys()], settings, host, before);
  return {
    program,
    entries: entries.map(({ specifier, source }) => ({
      name: specifier.replace("@org/", ""),
      source: sourceOf(program, source),
    })),
    faults: () =>
      examples.flatMap(({ name, place }) =>
        ts
          .getPreEmitDiagnostics(program, sourceOf(program, name))
          .map(({ messageText }) => `${place}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`),
      ),
  };
}

function sourceOf(program: ts.Program, file: string): ts.SourceFile {
  const source = program.getSourceFile(file);
  if (source) return source;
  throw new Error(`${file} is not there`);
}

/** An example as a module: what is exported is imported, the rest is given. */
function programOf(
  { code, source, name }: Example,
  words: ReadonlySet<string>,
  own: readonly string[],
  owners: ReadonlyMap<string, string>,
): string {
  const here = `./${relative(dirname(name), source).replaceAll("\\", "/").replace(/\.ts$/, ".js")}`;
  const declared = (word: string) =>
    new RegExp(`\\b(?:const|let) (?:\\{[^}]*)?\\b${word}\\b|^import .*\\b${word}\\b`, "m").test(code);
  const imports = [...words].flatMap((word) => {
    if (declared(word)) return [];
    if (own.includes(word)) return [`import { ${word} } from "${here}";`];
    const owner = owners.get(word);
    return owner ? [`import { ${word} } from "${owner}";`] : [];
  });
  const lines = Object.entries(typed).flatMap(([word, line]) =>
    words.has(word) && !declared(word) ? [line] : [],
  );
  // In a function, so that names which it declares itself hide those that are given.
  const inside = code
    .replace(/^import .*$/gm, "")
    .replace(/^export (default )?/gm, (_, value) => (value ? "void " : ""));
  const heads = code.match(/^import .*$/gm) ?? [];
  return [...imports, ...heads, ...lines, given, `export async function example() {\n${inside}\n}`].join(
    "\n",
  );
}

/** Names that are given with their type. */
const typed = {
  identity: 'declare const identity: import("@org/db-models").Identity;',
  models: 'declare const models: import("@org/db-models").Identity["models"];',
  optimizer: 'declare const optimizer: import("@org/db-optimizer").DatabaseOptimizer;',
  connection: 'declare const connection: import("mongoose").Connection;',
  collection: 'declare const collection: import("mongoose").Collection;',
  mongoose: 'import mongoose from "mongoose";',
  fastify: 'import { fastify } from "fastify";',
};

/** The main entry last, which then points to the others. */
function entriesOf(root: string, folder: string) {
  const place = join(root, "packages", folder);
  const { name, exports } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as {
    name: string;
    exports: Record<string, string | { "@org/source"?: string }>;
  };
  return Object.entries(exports)
    .reverse()
    .flatMap(([path, target]) => {
      const source = typeof target === "string" ? undefined : target["@org/source"];
      return source ? [{ folder, specifier: join(name, path), source: join(place, source) }] : [];
    });
}

function examplesOf(root: string, folder: string): Example[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const source = join(folder, file);
      const lines = readFileSync(source, "utf8").split("\n");
      return lines.flatMap((line, at) => {
        if (!/^\s*\* @example\s*$/.test(line)) return [];
        const rest = lines.slice(at + 1);
        const end = rest.findIndex((next) => /\*\/|^\s*\* @/.test(next));
        const code = rest
          .slice(0, end)
          .map((next) => next.replace(/^\s*\* ?/, ""))
          .join("\n");
        const name = source.replace(/\.ts$/, `.example-${at + 1}.ts`);
        return [{ name, place: `${relative(root, source)}:${at + 1}`, code, source }];
      });
    });
}
