import { onePerSource } from "@org/dev-kit/one-file-per-source";

export default onePerSource({
  entry: [
    "src/index.ts",
    "src/cleanup/index.ts",
    "src/health/index.ts",
    "src/indexes/index.ts",
    "src/jobs/index.ts",
    "src/migrate/index.ts",
    "src/setup/index.ts",
    "src/sharding/index.ts",
    "src/storage/index.ts",
    "src/workload/index.ts",
  ],
});
