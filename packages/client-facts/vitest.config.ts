import { defineProject } from "vitest/config";

export default defineProject({
  test: { name: "client-facts", include: ["test/**/*.test.ts"] },
});
