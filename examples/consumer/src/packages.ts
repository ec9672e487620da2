// The published packages as tarballs, as the registry will have them.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
/** The folder of the repository. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));
const windows = process.platform === "win32";

/** The packages that users install, and the folder of each in the repository. */
export const published = {
  "@org/db-models": dirname(require.resolve("@org/db-models/package.json")),
  "@org/db-optimizer": dirname(require.resolve("@org/db-optimizer/package.json")),
  "@org/db-cli": dirname(require.resolve("@org/db-cli/package.json")),
  "@org/risk-engine": dirname(require.resolve("@org/risk-engine/package.json")),
  "@org/fastify-identity": dirname(require.resolve("@org/fastify-identity/package.json")),
} as const;

/** The name of a published package. */
export type PackageName = keyof typeof published;

/** The tarball of each package. */
export type Tarballs = Readonly<Record<PackageName, string>>;

/** How a program ended. A status other than 0 is an answer here, not an exception. */
export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Builds and packs the packages into a folder. */
export async function packAll(folder: string): Promise<Tarballs> {
  const names = Object.keys(published) as PackageName[];
  // Taken from turbo's cache unless a source has changed: an old build would prove nothing about this one.
  await tool("turbo/bin/turbo", root, ["run", "build", ...names.map((name) => `--filter=${name}`)]);
  const tarballs = names.map(async (name) => {
    const packed = await tool(pnpm, published[name], ["pack", "--json", "--pack-destination", folder]);
    const { filename } = JSON.parse(packed.stdout) as { filename: string };
    return [name, filename] as const;
  });
  return Object.fromEntries(await Promise.all(tarballs)) as Record<PackageName, string>;
}

/** The entry of pnpm in the repository's node_modules. */
export const pnpm = "pnpm/bin/pnpm.cjs";

/** Runs a tool of the repository's root; turbo finds pnpm by PATH. */
export async function tool(entry: string, cwd: string, args: readonly string[]): Promise<Run> {
  const modules = join(root, "node_modules");
  const path = `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const result = await run(process.execPath, [join(modules, entry), ...args], {
    cwd,
    env: { ...process.env, PATH: path },
  });
  if (result.status === 0) return result;
  throw new Error(`${entry} ${args.join(" ")} ended with ${result.status}\n${result.stdout}${result.stderr}`);
}

/** Runs a program to its end. */
export function run(
  file: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Run> {
  return new Promise((resolve) => {
    const settings = { ...options, timeout: 900_000, maxBuffer: 2 ** 26, shell: windows };
    execFile(file, args, settings, (error, stdout, stderr) => {
      const status = error ? (typeof error.code === "number" ? error.code : -1) : 0;
      resolve({ status, stdout, stderr: error && status === -1 ? `${stderr}${error.message}` : stderr });
    });
  });
}
