import { onePerSource } from "@org/dev-kit/one-file-per-source";

export default onePerSource({
  entry: [
    "src/index.ts",
    "src/flows/index.ts",
    "src/http/index.ts",
    "src/handlers/index.ts",
    "src/providers/index.ts",
  ],
});
