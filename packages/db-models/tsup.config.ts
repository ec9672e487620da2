import { onePerSource } from "@org/dev-kit/one-file-per-source";

export default onePerSource({
  entry: ["src/index.ts", "src/core/index.ts", "src/queries/index.ts", "src/schemas/index.ts"],
  // Private, and part of what is published.
  inlined: ["@org/client-facts"],
});
