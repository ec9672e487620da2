export type { IdentityAccess, IdentityRequirement, IdentityRequirementMembers } from "../access.js";
export { OptionsError } from "../flows/options.js";
export { IdentityProblem } from "../flows/problems.js";
export type { RequestIdentity } from "../http/guards/guard.js";
export type { Connect } from "./connect.js";
export type { Fetch, FetchConnection } from "./fetch.js";
export { type HandlerOptions, type IdentityHandlers, identityHandlers } from "./handlers.js";
export type { GuardRules } from "./rules.js";
