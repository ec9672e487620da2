import { defineProject } from "vitest/config";

export default defineProject({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    name: "benchmarks",
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    execArgv: ["--conditions=@org/source"],
  },
});
