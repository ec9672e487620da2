export type { AssessInput, Assessment } from "./assess.js";
export { assess } from "./assess.js";
export type { Calibration, CalibrationTargets } from "./calibrate.js";
export { calibrate } from "./calibrate.js";
export type { RiskErrorCode, RiskErrorKind } from "./errors.js";
export { errorKinds, isRiskError, RiskError } from "./errors.js";
export type { Reason } from "./facts.js";
export type { Feature, Level, PopulationKey } from "./features.js";
export { populationKeys } from "./features.js";
export type { LearnInput } from "./learn.js";
export { learn } from "./learn.js";
export type { Policy, PolicyInput, RiskAction, RiskLevel } from "./policy.js";
export { parsePolicy, policySchema, presets } from "./policy.js";
export type { CountEstimate, MemoryPopulationOptions, MemoryPopulationState } from "./population/memory.js";
export { MemoryPopulation } from "./population/memory.js";
export type { Population } from "./population/population.js";
export type { Circle, LevelProfile, Profile, StoredProfile, Weighted } from "./profile.js";
export { emptyProfile, maxProfileBytes, readProfile } from "./profile.js";
export type { PublicReason } from "./public-reason.js";
export { publicReason } from "./public-reason.js";
export type { SessionAssessment, SessionInput, SessionOrigin } from "./session.js";
export { assessSession } from "./session.js";
export type {
  Attempt,
  AttemptContext,
  Feedback,
  NetworkFlag,
  NetworkFlagKind,
  Place,
} from "./signals.js";
export { attemptContextSchema, attemptSchema, networkFlagKinds } from "./signals.js";
