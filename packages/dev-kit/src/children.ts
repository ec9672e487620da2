import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type OnResolveResult, type Plugin } from "esbuild";

/** A process of a test that waits for its first line. */
export interface WaitingChild {
  /** Everything it has printed. */
  printed(): string;
  /** Resolves when it has printed this; rejects when it ends before. */
  hasPrinted(text: string): Promise<void>;
  tell(line: string): void;
  /** Stops it as it is (SIGSTOP), or lets it go on. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** SIGKILL: no handler runs, nothing is flushed. */
  kill(): void;
  exited: Promise<unknown>;
}

const running = new Set<ReturnType<typeof spawn>>();

/** Names the folder of the bundles, which Vitest's global setup makes and removes. */
export const BUNDLES = "ORG_DB_TEST_BUNDLES";

export interface BundleOptions {
  /**
   * Has packages of others in the file too. It starts in half the time then, and takes a second more to make: for scripts
   * of which a test starts several processes, and which load no other code. Default: false.
   */
  readonly whole?: boolean;
  /**
   * Has its passwords hashed with the least of memory and time, as they are in the processes of tests above db-models: see
   * `quick-argon2.ts`. Default: false.
   */
  readonly quickPasswords?: boolean;
}

/**
 * Makes one file of a script and the sources of our own that it imports, so that each of the many processes of the tests
 * starts in a third of the time that loading TypeScript takes. One of a script is enough for a run of the tests, whose
 * workers share it.
 */
export async function bundleChild(
  script: URL,
  { whole = false, quickPasswords = false }: BundleOptions = {},
): Promise<string> {
  const source = fileURLToPath(script);
  const folder = process.env[BUNDLES] ?? tmpdir();
  const name = parse(source).name;
  const hash = createHash("sha256").update(`${source} ${whole} ${quickPasswords}`).digest("hex").slice(0, 12);
  const outfile = join(folder, `${name}-${hash}.mjs`);
  if (process.env[BUNDLES] && existsSync(outfile)) return outfile;
  const own = await mkdtemp(join(folder, "child-"));
  const made = join(own, `${name}.mjs`);
  await build({
    entryPoints: [source],
    outfile: made,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@org/source"],
    plugins: [
      ...(quickPasswords ? [passwordsAreQuick] : []),
      whole ? nativeStaysOutside : othersStayOutside,
      sourcesKeepTheirAddress,
    ],
    logLevel: "silent",
    banner: { js: `${endsWithParent}${whole ? requireFor(script) : ""}` },
    ...(whole && { legalComments: "none" as const }),
  });
  // Renamed once it is complete: no other worker finds a part of it.
  await rename(made, outfile);
  await rmdir(own);
  return outfile;
}

// Sources that read files beside themselves find them.
const sourcesKeepTheirAddress: Plugin = {
  name: "sources-keep-their-address",
  setup(builder) {
    builder.onLoad({ filter: /\.m?tsx?$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      return {
        contents: text.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
        loader: path.endsWith("x") ? "tsx" : "ts",
      };
    });
  },
};

const passwordsAreQuick: Plugin = {
  name: "passwords-are-quick",
  setup(builder) {
    const path = fileURLToPath(new URL("./quick-argon2.ts", import.meta.url));
    builder.onResolve({ filter: /^@node-rs\/argon2$/ }, () => ({ path }));
  },
};

// Packages of others are not bundled: they may be native, or must be loaded only once.
const othersStayOutside: Plugin = {
  name: "others-stay-outside",
  setup(builder) {
    builder.onResolve({ filter: /^[^./]/ }, async ({ path, resolveDir, importer, kind, pluginData }) => {
      if (pluginData === "asked" || kind === "entry-point" || path.startsWith("@org/")) return undefined;
      if (path.startsWith("node:")) return { path, external: true };
      if (path.startsWith("file:")) return fileOf(path);
      const found = await builder.resolve(path, { resolveDir, importer, kind, pluginData: "asked" });
      return found.errors.length > 0 ? found : { path: found.path, external: true };
    });
  },
};

// Native packages, and those that read files beside themselves.
const nativeStaysOutside: Plugin = {
  name: "native-stays-outside",
  setup(builder) {
    builder.onResolve(
      { filter: /^(@node-rs\/.*|pino|@fastify\/swagger-ui)$/ },
      async ({ path, pluginData, ...from }) => {
        if (pluginData === "asked") return undefined;
        const found = await builder.resolve(path, { ...from, pluginData: "asked" });
        return found.errors.length > 0 ? found : { path: found.path, external: true };
      },
    );
  },
};

/** A child ends when the process that started it is gone, however that went: nobody would be left to end it. */
const endsWithParent =
  "{ const parent = process.ppid; setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 1_000).unref(); }";

/** CommonJS requires what Node brings along. */
function requireFor(script: URL): string {
  return `import { createRequire as requireOf } from "node:module"; const require = requireOf(${JSON.stringify(script.href)});`;
}

/** Of a program that names a module by its file, which says where it is wherever the program is. */
function fileOf(address: string): OnResolveResult {
  const path = fileURLToPath(address);
  return { path, external: path.includes("node_modules") };
}

/**
 * Starts what {@link bundleChild} made. Whatever of it still runs after the suite is killed.
 *
 * @param args - what the script finds in `process.argv`, such as the connection string of its database.
 */
export function startChild(bundle: string, ...args: string[]): WaitingChild {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  running.add(child);
  const exited = once(child, "close").finally(() => running.delete(child));
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  // It may be killed before it reads.
  child.stdin.on("error", () => undefined);
  return {
    printed: () => printed,
    hasPrinted: async (text) => {
      while (!printed.includes(text)) {
        const ended = await Promise.race([
          once(child.stdout, "data").then(() => false),
          exited.then(() => true),
        ]);
        if (ended && !printed.includes(text))
          throw new Error(`the process ended without printing ${text.trim()}`);
      }
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    signal: (name) => void child.kill(name),
    kill: () => void child.kill("SIGKILL"),
    exited,
  };
}

/** A row of children that are already up, having printed `ready`, started ahead of their use; behind the last, on demand. */
export function childrenAhead(ahead: number, total: number, start: () => WaitingChild) {
  const row: WaitingChild[] = [];
  let started = 0;
  const fill = () => {
    for (; row.length < ahead && started < total; started++) row.push(start());
  };
  fill();
  return async (): Promise<WaitingChild> => {
    const next = row.shift() ?? start();
    await next.hasPrinted("ready\n");
    fill();
    return next;
  };
}

/** Small, fast, and the same for one seed (mulberry32): from 0 up to, not including, 1. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Kills what still runs. */
export function endChildren(): void {
  for (const child of running) child.kill("SIGKILL");
}
