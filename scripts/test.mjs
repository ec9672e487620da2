// Everything that must hold before a change lands, or the steps that are named:
// `npm test -- tests types`. The last line is the test runner's own count.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { relative, resolve } from "node:path";

const report = "reports/vitest.json";
const engineKind = "reports/engine-kind.txt";
const turbo = ["turbo", "run", "--output-logs=errors-only"];

const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
// The files that a worker runs one after another share what they import, which takes a third off the time. Single runs and
// the nightly ones give each file its own, so that no file comes to depend on another.
const sharedModules = ["--no-isolate"];
// Two lanes, one for each core; a step of a lane waits for those before it. The tests want both.
const checks = [
  [
    ["format and lint", ["biome", "ci", "."]],
    ["boundaries", ["turbo", "boundaries"]],
    ["imports", ["depcruise", "--config", ".dependency-cruiser.mjs", "packages", "apps", "scripts"]],
    ["unused code and dependencies", ["knip", "--no-progress"]],
    ["build", [...turbo, "build"]],
    ["packages", ["node", "scripts/package-contents.mjs"]],
  ],
  [
    // The native compiler; with more threads it takes less time alone, but twice the processor time.
    ["types", ["node", "node_modules/typescript-native/bin/tsc", "-p", "tsconfig.json", "--singleThreaded"]],
    ["files of mutation testing", ["node", "scripts/mutation.mjs", "--check"]],
    ["links of documents", ["node", "scripts/links.mjs"]],
    ["generated documentation", ["node", "scripts/run.mjs", "docs", "--check"]],
    ["site of the documents", ["node", "site/build.mjs", "--check"]],
  ],
];
const tests = ["tests", ["vitest", "run", ...sharedModules, ...reporters]];
// Those that the steps above hold as well, and that a named run may ask for.
const pureTests = ["pure tests", ["vitest", "run", "--config", "vitest.pure.config.ts", ...reporters]];

const named = process.argv.slice(2);
const known = [...checks.flat(), tests, pureTests];
const unknown = named.filter((name) => !known.some(([step]) => step === name));
if (unknown.length > 0) {
  process.stderr.write(
    `No step ${unknown.join(", ")}; there are ${known.map(([step]) => step).join(", ")}\n`,
  );
  process.exit(1);
}

mkdirSync("reports", { recursive: true });
for (const file of [report, engineKind]) rmSync(file, { force: true });
const env = { ...process.env, ORG_DB_TEST_ENGINE_KIND_FILE: resolve(engineKind) };
const failed = [];
const isWanted = ([name]) => named.length === 0 || named.includes(name);
await Promise.all(
  checks.map(async (lane) => {
    for (const step of lane.filter(isWanted)) await run(step, "pipe");
  }),
);
if (isWanted(tests)) await run(tests, "inherit");
if (named.includes(pureTests[0])) await run(pureTests, "inherit");

/** Runs a step. What it prints is shown at once, or with its end where others print beside it. */
async function run([name, [command, ...argv]], output) {
  const started = performance.now();
  if (output === "inherit") process.stdout.write(`\n── ${name}\n`);
  const child = spawn(command, argv, {
    env,
    stdio: ["inherit", output, output],
    shell: process.platform === "win32",
  });
  const printed = [];
  child.stdout?.on("data", (part) => printed.push(part));
  child.stderr?.on("data", (part) => printed.push(part));
  const [status, error] = await new Promise((resolve) => {
    child.on("error", (problem) => resolve([1, problem]));
    child.on("close", (code) => resolve([code]));
  });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  if (output === "pipe") process.stdout.write(`\n── ${name}\n${Buffer.concat(printed)}`);
  process.stdout.write(
    `   ${status === 0 ? "ok" : `FAILED${error ? `: ${error.message}` : ""}`} in ${seconds} s\n`,
  );
  if (status !== 0) failed.push(name);
}

const results = readResults();
const counts = countsOf(results);
// An engine that can all that the tests need leaves no reason to skip one.
const engine = existsSync(engineKind) ? readFileSync(engineKind, "utf8") : "none";
if (process.env.CI && counts.skipped > 0 && ["mongod", "secantus-rs"].includes(engine)) {
  failed.push(`${counts.skipped} skipped tests on ${engine}`);
}
if (failed.length > 0) process.stdout.write(`\nfailed: ${failed.join(", ")}\n`);
for (const test of failedTests(results)) process.stdout.write(`  ${test}\n`);
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

function readResults() {
  return existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : { testResults: [] };
}

function countsOf({ numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 }) {
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
}

// The names of failures come last, because the end of a long log is often all that is kept.
function failedTests({ testResults }) {
  return testResults
    .filter(({ status }) => status === "failed")
    .flatMap(({ name, assertionResults }) => {
      const names = assertionResults
        .filter(({ status }) => status === "failed")
        .map(({ fullName }) => `: ${fullName}`);
      return (names.length > 0 ? names : [""]).map((test) => `${relative(".", name)}${test}`);
    });
}
