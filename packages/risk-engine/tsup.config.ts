import { onePerSource } from "@org/dev-kit/one-file-per-source";

export default onePerSource({
  entry: ["src/index.ts", "src/freeman.ts"],
  // Private, and part of what is published.
  inlined: ["@org/client-facts"],
});
