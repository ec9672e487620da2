import { defineProject } from "vitest/config";

export default defineProject({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    name: "db-optimizer",
    include: ["test/**/*.test.ts"],
    globalSetup: ["@org/dev-kit/vitest-setup"],
    setupFiles: ["@org/dev-kit/vitest-each-file"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
