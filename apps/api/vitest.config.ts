import { defineProject } from "vitest/config";

export default defineProject({
  resolve: {
    conditions: ["@org/source"],
    alias: { "@node-rs/argon2": "@org/dev-kit/quick-argon2" },
  },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    name: "api",
    include: ["test/**/*.test.ts"],
    globalSetup: ["@org/dev-kit/vitest-setup"],
    setupFiles: ["@org/dev-kit/vitest-each-file"],
    // Not how long anything may take, but when it must have hung: a hundred parallel logins took 27 s beside other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
