// How the published packages are built. Plain JavaScript, because tsup reads its configuration without a loader for ours.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix, relative, sep } from "node:path";
import { writeDeclarations } from "./declarations.mjs";

/**
 * Settings of tsup that compile each source into a file of its own. A bundler drops a file that nobody asks for, and can
 * drop little from a chunk that defines models as it loads; so one file per source is what makes an import light.
 *
 * @param options.entry - sources with declarations: what the manifest exports, each `src/<name>.ts`.
 * @param options.inlined - private workspaces whose sources become part of the package, below a folder of their name.
 */
export function onePerSource({ entry, inlined = [] }) {
  const require = createRequire(join(process.cwd(), "package.json"));
  const parts = inlined.map((name) => ({
    name,
    source: dirname(require.resolve(name)),
    folder: name.split("/").at(-1),
  }));
  return {
    entry: Object.assign(
      outputsOf(join(process.cwd(), "src")),
      ...parts.map(({ source, folder }) => outputsOf(source, folder)),
    ),
    format: ["esm"],
    target: "node20",
    splitting: false,
    noExternal: inlined,
    sourcemap: true,
    clean: true,
    onSuccess: () => writeDeclarations(entry, parts),
    esbuildPlugins: [separate(parts)],
  };
}

/** Every source below a folder, by the name of its output without the ending. */
function outputsOf(folder, prefix = "") {
  const sources = readdirSync(folder, { recursive: true }).filter((path) => /\.tsx?$/.test(path));
  return Object.fromEntries(
    sources.map((path) => [posix.join(prefix, slashed(path).replace(/\.tsx?$/, "")), join(folder, path)]),
  );
}

/** Leaves every import between sources as it stands. */
function separate(parts) {
  const source = join(process.cwd(), "src");
  return {
    name: "one file per source",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\// }, ({ path, kind }) =>
        kind === "entry-point" ? undefined : { path, external: true },
      );
      for (const { name, folder } of parts) {
        build.onResolve({ filter: new RegExp(`^${name}$`) }, ({ importer }) => {
          const to = slashed(relative(dirname(importer), join(source, folder, "index.js")));
          return { path: to.startsWith(".") ? to : `./${to}`, external: true };
        });
      }
    },
  };
}

/** A path of this machine as imports write it. */
function slashed(path) {
  return path.split(sep).join("/");
}
