// How a database is stored, by every document: a run in batches.

export type { SetAsideReport } from "../jobs/set-aside.js";
export type { StorageLimits } from "./limits.js";
export type { CollectionStorage, StorageReport } from "./report.js";
export { storageReport } from "./report.js";
export type { StorageScan, StorageScanOptions } from "./scan.js";
export { scanStorage, storageJob } from "./scan.js";
export type { ArrayField, SampleShape } from "./shape.js";
