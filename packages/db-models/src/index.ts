export type { ApprovalRequest } from "./administrators/approvals.js";
export type { Administrators } from "./administrators/namespace.js";
export type { Engagement } from "./analytics/engagement.js";
export type { Login } from "./analytics/logins.js";
export type { UserAnalyticsOptions, UserAnalyticsReport } from "./analytics/user-analytics.js";
export { userAnalyticsOptionsSchema } from "./analytics/user-analytics.js";
export type {
  ApiKeyCheck,
  ApiKeyExhausted,
  ApiKeyPresentation,
  ApiKeyRateWindow,
  ApiKeyRefusal,
  VerifiedApiKey,
} from "./api-keys/check.js";
export type { ApiKeyInput, ApiKeyRotationInput } from "./api-keys/input.js";
export { apiKeyInputSchema, apiKeyRotationSchema } from "./api-keys/input.js";
export type { ApiKeys } from "./api-keys/namespace.js";
export type { ApiKeySummary, CreatedApiKey, RotatedApiKey } from "./api-keys/types.js";
export { auditRefOf } from "./audit/canonical.js";
export type { AuditCheckpoint, AuditCheckpointSearch, AuditKeys } from "./audit/checkpoints.js";
export type { DatabaseEvent } from "./audit/database-events.js";
export type { AuditInput } from "./audit/input.js";
export { auditInputSchema } from "./audit/input.js";
export type { AuditExportInput, AuditExportRecord, AuditRecord, AuditSearch } from "./audit/list.js";
export type { Audit } from "./audit/namespace.js";
export type { AuditBreak, AuditProblem } from "./audit/problems.js";
export type { AuditRetentionResult } from "./audit/retention.js";
export type {
  AuditVerification,
  AuditVerificationInput,
  AuditVerificationProgress,
  CheckpointBreak,
} from "./audit/verify.js";
export type { AppendedAudit } from "./audit/writer.js";
export type { BulkJobItem } from "./bulk-jobs/control.js";
export type { BulkJobs } from "./bulk-jobs/namespace.js";
export type { BulkJobInput, ExcludedUser } from "./bulk-jobs/prepare.js";
export type { BulkJob, BulkProgress } from "./bulk-jobs/summary.js";
export type { BulkResult, HeldBulkItem, HeldBulkJob } from "./bulk-jobs/work.js";
export type { DatabaseOptions, IdentityDatabase } from "./connect.js";
export { openDatabase } from "./connect.js";
export type { AdministratorRole } from "./core/administrator-roles.js";
export type { AssuranceLevel, AuthenticationMethod, Proof, ProofMethod } from "./core/assurance.js";
export type { Clock } from "./core/clock.js";
export { emailSchema, normaliseIdentifier } from "./core/email.js";
export type {
  IdentityErrorCode,
  IdentityErrorKind,
  LeftOut,
  LostStream,
  LostWrite,
  Report,
  SkippedCheck,
} from "./core/errors.js";
export { errorKinds, IdentityError, isIdentityError } from "./core/errors.js";
export type { Failures } from "./core/one-by-one.js";
export { passwordLength } from "./core/passwords.js";
export type { FactorPolicy, FactorPolicyInput } from "./core/policies/factors.js";
export type { IdentityPolicies, IdentityPoliciesInput } from "./core/policies/identity.js";
export { identityPoliciesSchema } from "./core/policies/identity.js";
export type { LoginDefencePolicy, LoginDefencePolicyInput } from "./core/policies/login-defence.js";
export type { OAuthPolicy, OAuthPolicyInput } from "./core/policies/oauth.js";
export type { OneTimeTokenPolicy, OneTimeTokenPolicyInput } from "./core/policies/one-time.js";
export type { PasswordPolicy, PasswordPolicyInput } from "./core/policies/passwords.js";
export type { Retention, RetentionInput, RetentionRule } from "./core/policies/retention.js";
export { retentionRules } from "./core/policies/retention.js";
export type { BreachedPasswords, PwnedPasswordsOptions } from "./core/pwned-passwords.js";
export { pwnedPasswords } from "./core/pwned-passwords.js";
export type { TokenRotation } from "./core/rotations.js";
export { formatScopes, grantsEveryScope, grantsScope, parseScopes } from "./core/scopes.js";
export type { SealKey } from "./core/seal-keys.js";
export type { LocatedToken, Token, TokenKind, TokenPlace } from "./core/secrets.js";
export type { SigningKey } from "./core/signatures.js";
export type { PasswordWeakness } from "./core/weak-passwords/weakness.js";
export { defineModels } from "./define-models.js";
export type { EmailChange } from "./email-changes/confirm.js";
export type { EmailChanges } from "./email-changes/namespace.js";
export type { EmailChangeInput, EmailChangeRequest } from "./email-changes/request.js";
export type { EmailChangeUndo } from "./email-changes/undo.js";
export type {
  ExternalAccount,
  ExternalLink,
  ExternalRegistration,
  ExternalSubject,
  ExternalUnlink,
  LinkedIdentity,
  LinkInput,
} from "./external/identities.js";
export type { ExternalIdentities } from "./external/namespace.js";
export type {
  AccountFactors,
  FactorChange,
  FactorSession,
  Passkey,
  PendingRecovery,
  ReauthenticationRequired,
  RememberedDevice,
} from "./factors/account.js";
export type { FactorDelayed } from "./factors/attempts.js";
export type { FactorDecision, FactorQuestion } from "./factors/decide.js";
export type { FactorKind, Factors } from "./factors/namespace.js";
export type {
  PasskeyAuthenticationInput,
  PasskeyAuthenticationStart,
  PasskeyCheck,
} from "./factors/passkey-authentication.js";
export type { PasskeyRegistration, PasskeyRegistrationStart } from "./factors/passkey-registration.js";
export type { PasskeyRefusal } from "./factors/passkey-response.js";
export type { PasskeyRemoval } from "./factors/passkeys.js";
export type { RecoveryCancellation, RecoveryCompletion, RecoveryRequest } from "./factors/recovery.js";
export type { RecoveryCodeCheck, RecoveryCodes } from "./factors/recovery-codes.js";
export type { DeviceRemembering } from "./factors/remembered-devices.js";
export type { FactorReset } from "./factors/reset.js";
export type { ResealedFactors, TotpConfirmation, TotpEnrolment, TotpRemoval } from "./factors/totp.js";
export type { CodeRefused, TotpCheck, TotpCode, TotpCodeCheck, TotpCodeUse } from "./factors/totp-codes.js";
export type {
  CreateIdentityOptions,
  Identity,
  IdentitySettings,
  OpenIdentityOptions,
} from "./identity.js";
export { createIdentity, openIdentity } from "./identity.js";
export type { TakenEnds } from "./impersonations/ends.js";
export type { Impersonations } from "./impersonations/namespace.js";
export type { ImpersonationInput, ImpersonationRefusal, ImpersonationStart } from "./impersonations/start.js";
export type { EndedImpersonation, ImpersonationSummary } from "./impersonations/summary.js";
export type {
  ChallengeAttemptInput,
  ChallengeCodeInput,
  ChallengeRefusal,
  CreatedFactorChallenge,
  CreatedLoginChallenge,
  FactorChallengeInput,
  HeldSignIn,
  HeldSignInCheck,
  LoginChallengeCheck,
  LoginChallengeInput,
  ResumedSignIn,
} from "./logins/challenges.js";
export type { Logins } from "./logins/namespace.js";
export type { LoginAdmission, LoginAttemptInput, ReservedLoginAttempt } from "./logins/reserve.js";
export type { LoginOutcome } from "./logins/settle.js";
export type {
  MigratingSessions,
  OpenedMigratingSession,
  OpenMigratingSessionInput,
} from "./migrations/migrating-sessions.js";
export type { Migrations } from "./migrations/namespace.js";
export type { SessionsMigration, SessionsMigrationOptions } from "./migrations/sessions-migration.js";
export { sessionsMigration } from "./migrations/sessions-migration.js";
export type {
  LegacySession,
  LegacyUser,
  MigratedDocument,
  SessionGate,
  SessionRoute,
} from "./migrations/types.js";
export type { UpgradeReport, UpgradeStep, Upgrades } from "./migrations/upgrades.js";
export { defineUpgrades } from "./migrations/upgrades.js";
export type { ModelsWithMethods } from "./models-with-methods.js";
export type { AccessTokenCheck, ActiveAccessToken } from "./oauth/access.js";
export { type AppChanges, type AppUpdate, appChangesSchema } from "./oauth/app-changes.js";
export type {
  AppRegistration,
  PublicApp,
  RegisteredApp,
  RotatedSecret,
  SecretRotation,
} from "./oauth/apps.js";
export { appRegistrationSchema } from "./oauth/apps.js";
export type { AssertionUse } from "./oauth/assertions.js";
export type {
  Authorization,
  AuthorizationError,
  AuthorizationRequest,
  CheckedRequest,
  RequestCheck,
  RequestingApp,
} from "./oauth/authorize.js";
export type { ClientGrant } from "./oauth/client-grant.js";
export type { ClientAuthentication, ClientCredentials, KnownClient } from "./oauth/clients.js";
export type { ConsentInput, ConsentSummary } from "./oauth/consents.js";
export type {
  DeviceCodes,
  DeviceDecision,
  DevicePoll,
  DeviceRequest,
  DeviceResult,
  WaitingDevice,
} from "./oauth/devices.js";
export type { EndedSignIn, EndedSignInSearch } from "./oauth/ended-sessions.js";
export type { CodeExchange } from "./oauth/exchange.js";
export type { Introspection, TokenQuestion } from "./oauth/introspect.js";
export type { ListedSigningKey } from "./oauth/list-signing-keys.js";
export type { OAuth } from "./oauth/namespace.js";
export type { PresentedAuthorization } from "./oauth/presented.js";
export type { RefreshableAuthorization, TokenRefresh } from "./oauth/refresh.js";
export type { RequestInput, RequestParameters, RequestTakeUp, StoredRequest } from "./oauth/requests.js";
export type { TokenRevocation } from "./oauth/revoke.js";
export type { ResealedKeys } from "./oauth/signing-key-care.js";
export type { SigningKeyPair, SigningKeyState } from "./oauth/signing-keys.js";
export type {
  AuthenticatedClient,
  DeviceError,
  GrantRefusal,
  GrantRefused,
  OAuthErrorCode,
  TokenResult,
  TokensGranted,
} from "./oauth/types.js";
export type { EraseInput, ErasureReport, ResumedErasures } from "./privacy/erase.js";
export type { ExportRecord } from "./privacy/export.js";
export type { Privacy } from "./privacy/namespace.js";
export type { NamedQuery, Page, PagePosition, Period, QueryName } from "./queries/queries.js";
export type { QuerySamples } from "./queries/sample-queries.js";
export { sampleQueries } from "./queries/sample-queries.js";
export type { LimitedRequest, LimitVerdict } from "./request-limits/limiter.js";
export type { RequestLimits } from "./request-limits/namespace.js";
export type { RiskFeedbackInput } from "./risk/feedback.js";
export type { RiskCounterKey, RiskKnowledge } from "./risk/knowledge.js";
export type { Risk } from "./risk/namespace.js";
export type { LearntLogin } from "./risk/recorder.js";
export type { AdminApprovalDocument, ApprovalStatus } from "./schemas/admin-approval.js";
export type { Administrator, AdministratorRegisterDocument } from "./schemas/administrator-register.js";
export type {
  ApiKeyDocument,
  ApiKeyLease,
  ApiKeyQuota,
  ApiKeyRateLimit,
  ApiKeySecret,
} from "./schemas/api-key.js";
export type {
  AccessTokenFormat,
  AppDocument,
  AppStatus,
  ClientAuthenticationMethod,
  ClientSecret,
  ClientType,
  GrantType,
} from "./schemas/app.js";
export type { AppPermissionDocument } from "./schemas/app-permission.js";
export type { AppTokenDocument, IssuedAccessToken, TokenRevocationReason } from "./schemas/app-token.js";
export type { AppUsageDocument } from "./schemas/app-usage.js";
export type { AuditChainState, AuditCheckpointDocument } from "./schemas/audit-checkpoint.js";
export type { AuditDetail, AuditEventDocument, AuditOutcome } from "./schemas/audit-event.js";
export type { AuthorizationRequestDocument, RequestOriginKind } from "./schemas/authorization-request.js";
export type {
  BulkAct,
  BulkCounts,
  BulkFilter,
  BulkJobDocument,
  BulkJobState,
  BulkPace,
} from "./schemas/bulk-job.js";
export type { BulkItemState, BulkJobItemDocument } from "./schemas/bulk-job-item.js";
export type { CacheHeartbeatDocument } from "./schemas/cache-heartbeat.js";
export type { DeviceAuthorizationDocument, DeviceStatus } from "./schemas/device-authorization.js";
export type { ErasedCount, ErasureDocument } from "./schemas/erasure.js";
export type { LoginChallengeDocument } from "./schemas/login-challenge.js";
export type {
  FeedbackVerdict,
  LoginCounter,
  LoginDevice,
  LoginFeedback,
  LoginProfileDocument,
  LoginSubject,
} from "./schemas/login-profile.js";
export type { IdentityModels } from "./schemas/models.js";
export type { AuthorizationFacts } from "./schemas/parts/authorization-facts.js";
export type { BaseDocument } from "./schemas/parts/version.js";
export type { RequestLimitDocument } from "./schemas/request-limit.js";
export type { RiskCounterDocument } from "./schemas/risk-counter.js";
export type { SecurityEventDocument, SecurityEventKind, Severity } from "./schemas/security-event.js";
export type {
  ReportedSignIn,
  SignInReportDocument,
  SignInReportState,
  TakenOff,
} from "./schemas/sign-in-report.js";
export type { SigningAlgorithm, SigningKeyDocument } from "./schemas/signing-key.js";
export type { EndpointCount, UsageBucketDocument, UsageInterval } from "./schemas/usage-bucket.js";
export type { UsedAssertionDocument } from "./schemas/used-assertion.js";
export type {
  ExternalIdentity,
  FavouriteEndpoint,
  KnownCountry,
  KnownDevice,
  LimitPolicy,
  OneTimeToken,
  StoredUserSecurity,
  SubscriptionPlan,
  SubscriptionStatus,
  Theme,
  UserAnalytics,
  UserApiUsage,
  UserDocument,
  UserProfile,
  UserSecurity,
  UserStatus,
  UserSubscription,
} from "./schemas/user.js";
export type {
  Device,
  DeviceType,
  GeoLocation,
  Impersonation,
  RevocationReason,
  RiskAssessment,
  RiskLevel,
  SessionApiUsage,
  UserSessionDocument,
} from "./schemas/user-session.js";
export type { DatabaseExposure, SecurityEventInput, SecurityEventSearch } from "./security-events/events.js";
export type { SecurityEvents } from "./security-events/namespace.js";
export type { SecurityEventSubscription, SubscribedSecurityEvent } from "./security-events/subscribe.js";
export type { SessionCacheInput, SessionCacheSettings } from "./session-cache/options.js";
export type { SessionCacheMetrics } from "./session-cache/session-cache.js";
export type { SessionMethods } from "./session-methods.js";
export type { ActiveSession } from "./sessions/check/active.js";
export type { SessionCheck } from "./sessions/check/answer.js";
export type { ValidationOptions } from "./sessions/check/validate.js";
export type { SessionSummary } from "./sessions/list.js";
export type { Sessions } from "./sessions/namespace.js";
export type { EndedSession, OpenedSession, OpenSessionInput, SessionAccount } from "./sessions/open.js";
export type { SessionSlots } from "./sessions/read-slots.js";
export type { RenewedSession, SessionRenewal, StepUpInput } from "./sessions/refresh.js";
export type { Revocation } from "./sessions/revoke.js";
export type { SessionStart } from "./sessions/risk.js";
export type { RefreshResult, SessionRefusal, SessionUse } from "./sessions/types.js";
export type { ReportRefusal, SignInReportInput, SignInReportOffer } from "./sign-in-reports/begin.js";
export type { SignInReports } from "./sign-in-reports/namespace.js";
export type { ResumedReports, SignInReporting } from "./sign-in-reports/report.js";
export type { SignInReport, TakenOffSummary } from "./sign-in-reports/summary.js";
export type { SignInReportUndo } from "./sign-in-reports/undo.js";
export { detectDevice } from "./stored/device.js";
export type { AppUse } from "./usage/app-recorder.js";
export type { AppUsageDay } from "./usage/app-usage.js";
export type { Usage } from "./usage/namespace.js";
export type { ApiUse } from "./usage/recorder.js";
export type { UserMethods } from "./user-methods.js";
export type { Authentication, PublicUser } from "./users/accounts.js";
export type { EmailVerification, EmailVerificationRequest } from "./users/email-verification.js";
export type { ProfileChanges, Registration, SecurityChanges } from "./users/input.js";
export {
  passwordSchema,
  profileChangesSchema,
  registrationSchema,
  securityChangesSchema,
} from "./users/input.js";
export type { Users } from "./users/namespace.js";
export type { IssuedOneTimeToken, OneTimeTokenRefusal, RequestOrigin } from "./users/one-time-tokens.js";
export type { PasswordAddition, PasswordChange } from "./users/password.js";
export type { PasswordReset, PasswordResetRequest } from "./users/password-reset.js";
export type { FoundUsers, UserSearch, UserSearchKind } from "./users/search.js";
