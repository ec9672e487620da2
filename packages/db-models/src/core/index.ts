// Pure helpers: addresses, secrets, durations and limits.

export { administratorRoles } from "./administrator-roles.js";
export { amrOf, assuranceOf, proofMethods, recentAssurance, recentProofs } from "./assurance.js";
export { type LineRules, printable } from "./input.js";
export { duration, limits } from "./limits.js";
export { canonicalAddress, canonicalClientAddress, canonicalRange, isAllowed, networkOf } from "./network.js";
export { isRegisteredUri } from "./redirect-uris.js";
export {
  equalHashes,
  hmac,
  mintToken,
  parseToken,
  randomKey,
  seal,
  sha256,
  tokenPrefixes,
  unseal,
} from "./secrets.js";
export { namesAny, textSchema } from "./text.js";
export { typedCode } from "./typed-codes.js";
