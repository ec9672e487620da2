import { defineProject } from "vitest/config";

export default defineProject({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    name: "consumer",
    include: ["test/**/*.test.ts"],
    globalSetup: ["@org/dev-kit/vitest-setup"],
    // The hooks build, pack and install; what follows starts package managers, compilers and programs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
