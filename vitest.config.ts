import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*", "examples/*", "benchmarks"],
    // A part of the time goes into waiting for the server; by default two cores get one worker.
    maxWorkers: 3,
  },
});
