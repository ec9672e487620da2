// Holds the tarballs of the published packages to the table of docs/packages.md, and to what belongs into a tarball.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const table = "docs/packages.md";
const belongs = [
  /^(README|CHANGELOG)\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
  /^bin\/[\w-]+\.js$/,
  /^schemas\/[\w-]+\.json$/,
  /^dist\/.*\.(js|d\.ts|js\.map|css|html)$/,
];
const columns = ["packed KiB", "unpacked KiB", "MiB with dependencies", "dependencies"];
const limits = new Map(
  [...readFileSync(table, "utf8").matchAll(/^\| `(@org\/[\w-]+)` +\|(.+)\|$/gm)].map(([, name, cells]) => [
    name,
    cells.split("|").map(Number),
  ]),
);

const problems = [];
for (const folder of readdirSync("packages").map((name) => join("packages", name))) {
  const manifest = manifestOf(folder);
  if (manifest.private) continue;
  const packed = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const [{ files, size, unpackedSize }] = Object.values(packed);
  const strangers = files.map(({ path }) => path).filter((path) => !belongs.some((one) => one.test(path)));
  if (strangers.length > 0) problems.push(`${manifest.name} would publish ${strangers.join(", ")}`);
  if (manifest.scripts?.install ?? manifest.scripts?.postinstall)
    problems.push(`${manifest.name} has an install script`);
  const closure = closureOf(folder);
  const bytes = [...closure].reduce((sum, place) => sum + bytesIn(place), unpackedSize);
  const figures = [size / 1_024, unpackedSize / 1_024, bytes / 1_048_576, closure.size];
  const allowed = limits.get(manifest.name);
  process.stdout.write(
    `${manifest.name}: ${figures.map((figure, at) => `${Math.ceil(figure)} ${columns[at]}`).join(", ")}\n`,
  );
  if (!allowed) problems.push(`${manifest.name} is not in ${table}`);
  for (const [at, most] of (allowed ?? []).entries())
    if (figures[at] > most)
      problems.push(
        `${manifest.name}: ${Math.ceil(figures[at])} ${columns[at]}; ${table} says at most ${most}`,
      );
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exit(problems.length > 0 ? 1 : 0);

/** The folders of all that a package depends on, on this platform. */
function closureOf(folder, seen = new Set()) {
  const { dependencies, optionalDependencies } = manifestOf(folder);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const place = placeOf(name, folder);
    if (!place && !Object.hasOwn(optionalDependencies ?? {}, name))
      throw new Error(`${name}, which ${folder} depends on, is not installed`);
    if (!place || seen.has(place)) continue;
    seen.add(place);
    closureOf(place, seen);
  }
  return seen;
}

/** As Node looks for it: beside the package, then further up. */
function placeOf(name, folder) {
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    const place = join(at, "node_modules", name);
    if (existsSync(place)) return realpathSync(place);
    if (dirname(at) === at) return undefined;
  }
}

function bytesIn(folder) {
  const workspace = resolve("packages") === dirname(folder);
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules" && (!workspace || ["dist", "bin"].includes(name)))
    .reduce((sum, entry) => {
      const place = join(folder, entry.name);
      return sum + (entry.isDirectory() ? bytesIn(place) : entry.isFile() ? statSync(place).size : 0);
    }, 0);
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
