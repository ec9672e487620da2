import { fileURLToPath } from "node:url";
import { coreOfRun } from "./scripts/mutation-cores.mjs";

const { name, mutate } = coreOfRun();
const reports = "reports/mutation";

export default {
  testRunner: "vitest",
  // By path: pnpm keeps no folder in which Stryker would find it by itself.
  plugins: [fileURLToPath(import.meta.resolve("@stryker-mutator/vitest-runner"))],
  vitest: { configFile: "vitest.mutation.config.ts" },
  mutate,
  // Tables and schemas are made while a module loads. They decide, so they are mutated like the rest, though each such
  // mutant costs a run of all tests that import the file.
  ignoreStatic: false,
  coverageAnalysis: "perTest",
  concurrency: Number(process.env.MUTATION_CONCURRENCY || 2),
  // Endless loops are known by their count of hits; the clock is for what hangs without one, on a machine however busy.
  timeoutMS: 60_000,
  thresholds: { high: 95, low: 85, break: 85 },
  incremental: true,
  incrementalFile: `${reports}/${name}.incremental.json`,
  reporters: ["progress-append-only", "clear-text", "html", "json"],
  clearTextReporter: { allowEmojis: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: `${reports}/${name}.html` },
  jsonReporter: { fileName: `${reports}/${name}.json` },
  tempDirName: "reports/mutation-sandbox",
  cleanTempDir: "always",
  allowConsoleColors: false,
};
