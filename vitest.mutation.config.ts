import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { coreOfRun } from "./scripts/mutation-cores.mjs";

const { tests, exclude } = coreOfRun();
const packages = join(import.meta.dirname, "packages");

// For mutation testing alone: no global setup, so a test that needs a database fails at once. Stryker copies the
// repository but links node_modules, where our own packages would be the originals without mutants: the aliases
// lead to the copies.
export default defineConfig({
  resolve: {
    conditions: ["@org/source"],
    alias: readdirSync(packages).map((name) => ({
      find: new RegExp(`^@org/${name}$`),
      replacement: join(packages, name, "src/index.ts"),
    })),
  },
  ssr: { resolve: { conditions: ["@org/source"] } },
  // Files share a worker, which starts anew for each mutant: half the time, with the same result.
  test: { include: tests, exclude, testTimeout: 30_000, isolate: false },
});
