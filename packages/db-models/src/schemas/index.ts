// The values that fields of the collections may have, and the shapes of what is kept elsewhere.

export { approvalStatuses } from "./admin-approval.js";
export { appStatuses, assertionAlgorithmsOf, clientTypes, deviceGrantType, grantTypes } from "./app.js";
export { tokenRevocationReasons } from "./app-token.js";
export { keptCheckpoint } from "./audit-checkpoint.js";
export { auditOutcomes } from "./audit-event.js";
export { bulkActs, bulkJobStates } from "./bulk-job.js";
export { bulkItemStates } from "./bulk-job-item.js";
export { feedbackVerdicts, loginSubjects } from "./login-profile.js";
export { currentSchemaVersion } from "./parts/version.js";
export { securityEventKinds, severities } from "./security-event.js";
export { signingAlgorithms } from "./signing-key.js";
export { usageIntervals } from "./usage-bucket.js";
export {
  limitPolicies,
  subscriptionPlans,
  subscriptionStatuses,
  themes,
  userStatuses,
} from "./user.js";
export { deviceTypes, revocationReasons, riskLevels } from "./user-session.js";
