export type { HeldSession } from "./accounts.js";
export type { SignedIn, SignInProofs } from "./complete-sign-in.js";
export type { AuditTrail, NetworkKnowledge, SecondFactorRule } from "./context.js";
export { type CookieOptions, IdentityCookies, type SetCookie } from "./cookies.js";
export type {
  BeginExternalInput,
  BegunExternal,
  FinishExternalInput,
  FinishedExternal,
} from "./external-sign-in.js";
export type { NewTotp } from "./factors.js";
export { createFlows, type Flows } from "./flows.js";
export type { HookAnswer, IdentityHooks } from "./hooks.js";
export type { Notice, Notifier } from "./notice.js";
export { type FlowOptions, OptionsError } from "./options.js";
export type { PasskeyCreation, PasskeyRequest, PasskeySignInInput } from "./passkeys.js";
export {
  IdentityProblem,
  type Problem,
  type ProblemCode,
  problemCodes,
  problemOf,
  toProblem,
} from "./problems.js";
export type { FactorCodes } from "./prove.js";
export type { RecoveryState } from "./recovery.js";
export type { FlowLog, Located, Requester } from "./requester.js";
export { type RequestFacts, requesterFrom } from "./requester.js";
export type { AcceptedSession, StepUpProofs } from "./sessions.js";
export type { ChallengeInput, SignInInput } from "./sign-in.js";
