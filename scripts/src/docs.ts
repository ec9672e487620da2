import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { shapesOfQueries } from "@org/db-models/queries";
import { cliJsonPage, schemaFiles } from "./docs/cli-json-page.js";
import { cliPage } from "./docs/cli-page.js";
import { Comments } from "./docs/comments.js";
import { configurationPage } from "./docs/configuration-page.js";
import { errorsPage } from "./docs/errors-page.js";
import { compileExamples } from "./docs/examples.js";
import { floorsPicture } from "./docs/floors-picture.js";
import { queriesPage } from "./docs/queries-page.js";
import { referencePages } from "./docs/reference.js";
import { schemaPage } from "./docs/schema-page.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const check = process.argv.includes("--check");
const queries = shapesOfQueries();
const comments = new Comments(
  join(root, "packages/db-models/src/schemas"),
  join(root, "packages/db-models/src/core"),
);

const compiled = compileExamples(root);

const pages: Readonly<Record<string, string>> = {
  "docs/schema.md": schemaPage(queries, comments),
  "docs/queries.md": queriesPage(queries),
  "docs/configuration.md": configurationPage(),
  "docs/errors.md": errorsPage(),
  "docs/reference/cli.md": cliPage(),
  "docs/images/floors-db-models.svg": floorsPicture(root, "packages/db-models"),
  "docs/images/floors-db-optimizer.svg": floorsPicture(root, "packages/db-optimizer"),
  "docs/reference/cli-json.md": cliJsonPage(),
  ...schemaFiles(),
  ...(await referencePages(root, compiled)),
};

const stale = Object.entries(pages).filter(([path, text]) => read(path) !== text);
// A page of the reference whose subject is gone.
const left = filesIn("docs/reference").filter((path) => !Object.hasOwn(pages, path));
if (!check) {
  for (const [path, text] of stale) write(path, text);
  for (const path of left) rmSync(join(root, path));
}
for (const [path] of stale) process.stdout.write(`${check ? "out of date" : "written"}: ${path}\n`);
for (const path of left) process.stdout.write(`${check ? "left over" : "removed"}: ${path}\n`);
if (check && stale.length + left.length > 0) {
  process.stdout.write("run `npm run docs` and commit what it writes\n");
  process.exitCode = 1;
}
const faults = compiled.faults();
for (const fault of faults) process.stdout.write(`an example does not compile: ${fault}\n`);
if (faults.length > 0) process.exitCode = 1;

function read(path: string): string | undefined {
  const full = join(root, path);
  return existsSync(full) ? readFileSync(full, "utf8") : undefined;
}

function write(path: string, text: string): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
}

function filesIn(folder: string): string[] {
  const full = join(root, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}
