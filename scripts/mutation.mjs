// Mutation testing of the pure cores: one run of Stryker for each, then a table by file.
// Arguments: names of cores (default: all), then options of `stryker run`, such as --force or --mutate <files>; or
// --check, which only looks whether every pattern of the cores matches a file.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { cores } from "./mutation-cores.mjs";

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith("-"));
const named = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);

const problems = [
  ...named.filter((name) => !Object.hasOwn(cores, name)).map((name) => `there is no core ${name}`),
  ...Object.entries(cores).flatMap(patternProblems),
];
if (problems.length > 0) {
  process.stderr.write(`${problems.join("\n")}\nThe cores are listed in scripts/mutation-cores.mjs.\n`);
  process.exit(1);
}

if (options.includes("--check")) process.exit(0);

const failed = [];
for (const name of named.length > 0 ? named : Object.keys(cores)) {
  const report = `reports/mutation/${name}.json`;
  rmSync(report, { force: true });
  const started = performance.now();
  const { status } = spawnSync("stryker", ["run", ...options], {
    env: { ...process.env, MUTATION_CORE: name },
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  if (status !== 0) failed.push(name);
  process.stdout.write(`\n${name}: ${status === 0 ? "ok" : "FAILED"} in ${minutes} min\n`);
  if (existsSync(report))
    process.stdout.write(`${table(JSON.parse(readFileSync(report, "utf8")).files)}\n\n`);
}
if (failed.length > 0) process.stderr.write(`below the threshold, or not run: ${failed.join(", ")}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

function patternProblems([core, { mutate, tests, exclude = [] }]) {
  return [...mutate, ...tests, ...exclude]
    .filter((pattern) => filesOf(pattern).length === 0)
    .map((pattern) => `${core}: ${pattern} matches no file`);
}

function filesOf(pattern) {
  const argv = ["ls-files", "--cached", "--others", "--exclude-standard", "--", `:(glob)${pattern}`];
  const files = execFileSync("git", argv, { encoding: "utf8" }).split("\n");
  return files.filter((file) => file !== "" && existsSync(file));
}

/** Counts by file. The score is Stryker's: detected mutants of all that are valid, in percent. */
function table(files) {
  const rows = Object.entries(files).map(([file, { mutants }]) => [file, countsOf(mutants)]);
  const total = countsOf(Object.values(files).flatMap(({ mutants }) => mutants));
  const common = commonFolder(Object.keys(files));
  const lines = [...rows.map(([file, counts]) => [file.slice(common.length), counts]), ["all", total]];
  return [
    "| file | mutants | killed | timed out | survived | no coverage | disabled | score |",
    "|---|---|---|---|---|---|---|---|",
    ...lines.map(
      ([file, { mutants, killed, timeout, survived, noCoverage, ignored, score }]) =>
        `| ${file} | ${mutants} | ${killed} | ${timeout} | ${survived} | ${noCoverage} | ${ignored} | ${score} |`,
    ),
  ].join("\n");
}

function countsOf(mutants) {
  const count = (status) => mutants.filter((mutant) => mutant.status === status).length;
  const [killed, timeout, survived] = [count("Killed"), count("Timeout"), count("Survived")];
  const [noCoverage, ignored] = [count("NoCoverage"), count("Ignored")];
  const valid = killed + timeout + survived + noCoverage;
  const score = valid === 0 ? "-" : (((killed + timeout) / valid) * 100).toFixed(1);
  return { mutants: mutants.length, killed, timeout, survived, noCoverage, ignored, score };
}

function commonFolder([first = "", ...others]) {
  let folder = first.slice(0, first.length - basename(first).length);
  while (folder !== "" && !others.every((file) => file.startsWith(folder))) {
    folder = folder.replace(/[^/]+\/$/, "");
  }
  return folder;
}
