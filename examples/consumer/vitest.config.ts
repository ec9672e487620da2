import { defineProject } from "vitest/config";

export default defineProject({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    name: "consumer",
    include: ["test/**/*.test.ts"],
    globalSetup: ["@org/dev-kit/vitest-setup"],
    // The hook packs and installs; what follows starts compilers and programs.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
