import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { coreOfRun } from "./scripts/mutation-cores.mjs";

const { tests, exclude, last } = coreOfRun();
const packages = join(import.meta.dirname, "packages");

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => last.indexOf(basename(moduleId));
    return [...files].sort((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

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
  // Files share a worker, which restarts for each mutant: half the time, with the same result.
  test: {
    include: tests,
    exclude,
    testTimeout: 30_000,
    isolate: false,
    sequence: { sequencer: QuickFirst },
  },
});
