// The pure cores that mutation testing covers, by package: the one place that names their files. Patterns as git's
// `:(glob)` takes them. A pattern that matches no file ends the run, so a file that moves takes its pattern along.

/** Files to mutate, and the tests that must notice: none of them starts a database. */
export const cores = {
  "client-facts": {
    mutate: ["packages/client-facts/src/**/*.ts"],
    tests: ["packages/client-facts/test/**/*.test.ts"],
  },
  "risk-engine": {
    mutate: ["packages/risk-engine/src/**/*.ts"],
    tests: ["packages/risk-engine/test/**/*.test.ts"],
    // Seconds of properties each. The run of a mutant ends with the first test that fails, so the quick files go first.
    last: ["session", "population", "caution", "assess"].map((file) => `${file}.test.ts`),
    // The first reads the source as text; the others judge the whole engine by long runs, seconds for each mutant.
    exclude: [
      "packages/risk-engine/test/public-surface.test.ts",
      "packages/risk-engine/test/fuzz.test.ts",
      "packages/risk-engine/test/guide.test.ts",
      "packages/risk-engine/test/hostile.test.ts",
    ],
  },
  "db-optimizer": {
    mutate: [
      ...[
        "canonical",
        "collation",
        "diff",
        "pace",
        "redundant",
        "score",
        "spec",
        "throttle",
        "thresholds",
        "twin",
        "unused",
      ].map((file) => `packages/db-optimizer/src/**/${file}.ts`),
      "packages/db-optimizer/src/indexes/**/plan*.ts",
    ],
    tests: [
      ...[
        "advice-rules",
        "diff",
        "index-plan",
        "index-spec",
        "pace",
        "plan-drops",
        "score",
        "throttle",
        "thresholds",
        "twin",
      ].map((file) => `packages/db-optimizer/test/**/${file}.test.ts`),
    ],
  },
  "db-models": {
    mutate: ["core/policies/*", "expiry", "network", "policy", "scopes", "secrets", "slots"].map(
      (file) => `packages/db-models/src/**/${file}.ts`,
    ),
    tests: ["network", "oauth-rules", "oauth-scopes", "policies", "policy-bounds", "secrets", "slots"].map(
      (file) => `packages/db-models/test/**/${file}.test.ts`,
    ),
  },
  "session-cache": {
    mutate: [
      "apply-change",
      "cache",
      "changes",
      "entries",
      "heartbeats",
      "invalidations",
      "own-writes",
      "subjects",
      "table",
      "trust",
      "watched",
    ].map((file) => `packages/db-models/src/session-cache/${file}.ts`),
    // Without the model: its random interleavings take seconds for each mutant.
    tests: ["changes", "memory", "reach", "table"].map(
      (file) => `packages/db-models/test/session-cache-${file}.test.ts`,
    ),
  },
};

/** The core of this Stryker run, as `scripts/mutation.mjs` names it; otherwise all of them. */
export function coreOfRun() {
  const name = process.env.MUTATION_CORE;
  if (name) return { exclude: [], last: [], ...cores[name], name };
  const of = (key) => Object.values(cores).flatMap((core) => core[key] ?? []);
  return { name: "all", mutate: of("mutate"), tests: of("tests"), exclude: of("exclude"), last: of("last") };
}
