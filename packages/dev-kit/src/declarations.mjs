import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const compiler = fileURLToPath(new URL("bin/tsc", import.meta.resolve("typescript-native/package.json")));

/**
 * Writes the declarations of a package into its `dist`, one file for each source that what it exports reaches.
 *
 * @param entry - sources of what the manifest exports, from the package's folder.
 * @param parts - private workspaces whose sources become part of the package: by name, sources and folder below `dist`.
 * @throws Error where the compiler refuses a source; it has printed why.
 */
export async function writeDeclarations(entry, parts) {
  const home = process.cwd();
  const cache = join(home, "node_modules", ".cache", "declarations");
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  const project = join(cache, "tsconfig.json");
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    // Other packages of ours are seen as who installs them sees them.
    customConditions: [],
    rootDir: dirname(home),
    outDir: join(cache, "out"),
  };
  const files = entry.map((path) => join(home, path));
  writeFileSync(
    project,
    JSON.stringify({ extends: join(home, "tsconfig.json"), compilerOptions, include: [], files }),
  );
  const [status] = await once(
    spawn(process.execPath, [compiler, "-p", project], { stdio: "inherit" }),
    "close",
  );
  if (status !== 0) throw new Error(`the declarations of ${basename(home)} could not be made`);
  const dist = join(home, "dist");
  cpSync(join(cache, "out", basename(home), "src"), dist, { recursive: true });
  for (const { source, folder } of parts) {
    const reached = join(cache, "out", relative(dirname(home), source));
    if (existsSync(reached)) cpSync(reached, join(dist, folder), { recursive: true });
  }
  for (const file of declarationsIn(dist)) point(file, dist, parts);
}

function declarationsIn(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(".d.ts"))
    .map((path) => resolve(folder, path));
}

/** Makes imports of the parts lead to where they are. */
function point(file, dist, parts) {
  const text = readFileSync(file, "utf8");
  const pointed = parts.reduce((made, { name, folder }) => {
    const to = posix.join(relative(dirname(file), dist) || ".", folder, "index.js");
    return made.replaceAll(`"${name}"`, `"${to.startsWith(".") ? to : `./${to}`}"`);
  }, text);
  if (pointed !== text) writeFileSync(file, pointed);
}
