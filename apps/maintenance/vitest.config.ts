import { defineProject } from "vitest/config";

export default defineProject({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    name: "maintenance",
    include: ["test/**/*.test.ts"],
    globalSetup: ["@org/dev-kit/vitest-setup"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
