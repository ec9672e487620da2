export type { FreemanLogin, FreemanOptions, FreemanWeights } from "./freeman.js";
export { freemanScore } from "./freeman.js";
