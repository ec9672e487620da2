import { defineConfig } from "vitest/config";
import { pureTests } from "./scripts/pure-tests.mjs";

// For `npm run check`: without the global setup that starts an engine, a test that needs one fails at once.
export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: { include: pureTests(), isolate: false, testTimeout: 60_000 },
});
