// Holds the tarballs of the published packages to the table of docs/packages.md, to what belongs into a tarball, and to what
// publint and attw (Are the types wrong?) find in them. Each is packed once, as a release packs it.
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

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

const env = { ...process.env, PATH: `${resolve("node_modules/.bin")}${delimiter}${process.env.PATH}` };
const windows = process.platform === "win32";
const problems = [];
const tarballs = mkdtempSync(join(tmpdir(), "org-db-tarballs-"));
try {
  for (const folder of readdirSync("packages").map((name) => join("packages", name)))
    if (!manifestOf(folder).private) examine(folder);
} finally {
  rmSync(tarballs, { recursive: true, force: true });
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exit(problems.length > 0 ? 1 : 0);

function examine(folder) {
  const { name, scripts } = manifestOf(folder);
  const { filename, files } = pack(folder);
  const strangers = files.filter((path) => !belongs.some((one) => one.test(path)));
  if (strangers.length > 0) problems.push(`${name} would publish ${strangers.join(", ")}`);
  if (scripts?.install ?? scripts?.postinstall) problems.push(`${name} has an install script`);
  weigh(name, folder, filename);
  lint(name, "publint", [filename, "--strict"]);
  lint(name, "attw", [filename, "--profile", "esm-only"]);
}

/** @returns {{ filename: string, files: string[] }} the tarball, and the paths in it. */
function pack(folder) {
  const printed = execFileSync("pnpm", ["pack", "--json", "--pack-destination", tarballs], {
    cwd: folder,
    env,
    shell: windows,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { filename, files } = JSON.parse(printed);
  return { filename, files: files.map(({ path }) => path) };
}

function weigh(name, folder, tarball) {
  const unpacked = join(tarballs, name);
  mkdirSync(unpacked, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", unpacked]);
  const unpackedSize = bytesIn(unpacked);
  const closure = closureOf(folder);
  const bytes = [...closure].reduce((sum, place) => sum + bytesIn(place), unpackedSize);
  const figures = [statSync(tarball).size / 1_024, unpackedSize / 1_024, bytes / 1_048_576, closure.size];
  process.stdout.write(
    `${name}: ${figures.map((figure, at) => `${Math.ceil(figure)} ${columns[at]}`).join(", ")}\n`,
  );
  const allowed = limits.get(name);
  if (!allowed) problems.push(`${name} is not in ${table}`);
  for (const [at, most] of (allowed ?? []).entries())
    if (figures[at] > most)
      problems.push(`${name}: ${Math.ceil(figures[at])} ${columns[at]}; ${table} says at most ${most}`);
}

/** What a tool prints is shown if it finds something. */
function lint(name, tool, args) {
  const { status, stdout, stderr } = spawnSync(tool, args, { env, encoding: "utf8", shell: windows });
  if (status !== 0) problems.push(`${tool} on ${name}:\n${stdout ?? ""}${stderr ?? ""}`);
}

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
