import { onePerSource } from "@org/dev-kit/one-file-per-source";

export default onePerSource({
  entry: ["src/index.ts", "src/bin.ts"],
});
