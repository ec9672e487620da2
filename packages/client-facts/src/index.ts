export { translatedIPv4 } from "./address.js";
export { readUserAgent } from "./user-agent/read.js";
export { skeletonOf } from "./user-agent/skeleton.js";
