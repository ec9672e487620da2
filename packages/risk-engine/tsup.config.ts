import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/freeman.ts"],
  format: ["esm"],
  target: "node20",
  // Private, and part of what is published.
  noExternal: ["@org/client-facts"],
  dts: { resolve: ["@org/client-facts"] },
  sourcemap: true,
  clean: true,
});
