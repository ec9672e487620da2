export type { HeldSession } from "./account/accounts.js";
export type { NewTotp } from "./account/factors.js";
export type { PasskeyCreation, PasskeyRequest, PasskeySignInInput } from "./account/passkeys.js";
export type { FactorCodes } from "./account/prove.js";
export type { RecoveryState } from "./account/recovery.js";
export type { AuditTrail, NetworkKnowledge, SecondFactorRule } from "./context.js";
export { type CookieOptions, IdentityCookies, type SetCookie } from "./cookies.js";
export type { FlowLog } from "./flow-log.js";
export { createFlows, type Flows } from "./flows.js";
export type { HookAnswer, IdentityHooks } from "./hooks.js";
export type { Notice, Notifier } from "./notices/notice.js";
export { type FlowOptions, OptionsError } from "./options.js";
export {
  IdentityProblem,
  type Problem,
  type ProblemCode,
  problemCodes,
  problemOf,
  toProblem,
} from "./problems.js";
export type { Located, Requester } from "./requester.js";
export { type RequestFacts, requesterFrom } from "./requester.js";
export type { SignedIn, SignInProofs } from "./sign-in/complete/candidate.js";
export type {
  BeginExternalInput,
  BegunExternal,
  FinishExternalInput,
  FinishedExternal,
} from "./sign-in/external-sign-in.js";
export type { HeldInput, PendingSignIn } from "./sign-in/held-sign-in.js";
export type { AcceptedSession, StepUpProofs } from "./sign-in/sessions.js";
export type { ChallengeInput, SignInInput } from "./sign-in/sign-in.js";
