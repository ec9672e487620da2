export { auditPublicKey } from "./audit.js";
export type { GeneratedDocument, GenerateOptions, Layout } from "./generate.js";
export { defaultNow, generateIdentityData } from "./generate.js";
export type { LoadOptions, LoadProgress, LoadResult } from "./load.js";
export { loadIdentityData } from "./load.js";
export { sessionCounts } from "./session-counts.js";
export type { DeviceModel } from "./world.js";
export { deviceModels } from "./world.js";
