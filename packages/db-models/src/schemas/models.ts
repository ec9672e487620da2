import type { Connection, Model, Schema } from "mongoose";
import { z } from "zod";
import { parseInput } from "../core/input.js";
import { type AdminApprovalDocument, adminApprovalSchema } from "./admin-approval.js";
import { type AdministratorRegisterDocument, administratorRegisterSchema } from "./administrator-register.js";
import { type ApiKeyDocument, apiKeySchema } from "./api-key.js";
import { type AppDocument, appSchema } from "./app.js";
import { type AppPermissionDocument, appPermissionSchema } from "./app-permission.js";
import { type AppTokenDocument, appTokenSchema } from "./app-token.js";
import { type AppUsageDocument, appUsageSchema } from "./app-usage.js";
import { type AuditCheckpointDocument, auditCheckpointSchema } from "./audit-checkpoint.js";
import { type AuditEventDocument, auditEventSchema } from "./audit-event.js";
import { type AuthorizationRequestDocument, authorizationRequestSchema } from "./authorization-request.js";
import { type BulkJobDocument, bulkJobSchema } from "./bulk-job.js";
import { type BulkJobItemDocument, bulkJobItemSchema } from "./bulk-job-item.js";
import { type CacheHeartbeatDocument, cacheHeartbeatSchema } from "./cache-heartbeat.js";
import { type DeviceAuthorizationDocument, deviceAuthorizationSchema } from "./device-authorization.js";
import { type ErasureDocument, erasureSchema } from "./erasure.js";
import { type LoginChallengeDocument, loginChallengeSchema } from "./login-challenge.js";
import { type LoginProfileDocument, loginProfileSchema } from "./login-profile.js";
import { countCodePoints } from "./parts/code-points.js";
import { pinToPrimary } from "./parts/primary.js";
import { type PasskeyChallengeDocument, passkeyChallengeSchema } from "./passkey-challenge.js";
import { type RequestLimitDocument, requestLimitSchema } from "./request-limit.js";
import { type RiskCounterDocument, riskCounterSchema } from "./risk-counter.js";
import { type SecurityEventDocument, securityEventSchema } from "./security-event.js";
import { type SignInReportDocument, signInReportSchema } from "./sign-in-report.js";
import { type SigningKeyDocument, signingKeySchema } from "./signing-key.js";
import { type UsageBucketDocument, usageBucketSchema } from "./usage-bucket.js";
import { type UsedAssertionDocument, usedAssertionSchema } from "./used-assertion.js";
import { type UserDocument, userSchema } from "./user.js";
import { type UserFactorsDocument, userFactorsSchema } from "./user-factors.js";
import { type UserSessionDocument, userSessionSchema } from "./user-session.js";

/** Every model of this package, bound to one connection. */
export interface IdentityModels {
  readonly User: Model<UserDocument>;
  readonly UserSession: Model<UserSessionDocument>;
  readonly App: Model<AppDocument>;
  readonly AppToken: Model<AppTokenDocument>;
  readonly AppPermission: Model<AppPermissionDocument>;
  readonly AuthorizationRequest: Model<AuthorizationRequestDocument>;
  readonly DeviceAuthorization: Model<DeviceAuthorizationDocument>;
  readonly SigningKey: Model<SigningKeyDocument>;
  readonly UsedAssertion: Model<UsedAssertionDocument>;
  readonly ApiKey: Model<ApiKeyDocument>;
  readonly AuditEvent: Model<AuditEventDocument>;
  readonly AuditCheckpoint: Model<AuditCheckpointDocument>;
  readonly SecurityEvent: Model<SecurityEventDocument>;
  readonly UsageBucket: Model<UsageBucketDocument>;
  readonly AppUsage: Model<AppUsageDocument>;
  readonly LoginProfile: Model<LoginProfileDocument>;
  readonly LoginChallenge: Model<LoginChallengeDocument>;
  readonly RequestLimit: Model<RequestLimitDocument>;
  readonly RiskCounter: Model<RiskCounterDocument>;
  readonly UserFactors: Model<UserFactorsDocument>;
  readonly PasskeyChallenge: Model<PasskeyChallengeDocument>;
  readonly SignInReport: Model<SignInReportDocument>;
  readonly AdministratorRegister: Model<AdministratorRegisterDocument>;
  readonly AdminApproval: Model<AdminApprovalDocument>;
  readonly BulkJob: Model<BulkJobDocument>;
  readonly BulkJobItem: Model<BulkJobItemDocument>;
  readonly Erasure: Model<ErasureDocument>;
  readonly CacheHeartbeat: Model<CacheHeartbeatDocument>;
}

const connectionSchema = z.custom<Connection>(
  (given) => typeof (given as Partial<Connection> | null | undefined)?.asPromise === "function",
  "connection: must be a connection of Mongoose, such as mongoose.connection, or mongoose.createConnection(uri)",
);

/**
 * The models of a connection, which are bound when they are first asked for. Mongoose keeps them with the connection.
 *
 * @throws IdentityError `INVALID_INPUT` for what is no connection.
 */
export function modelsOf(connection: Connection): IdentityModels {
  parseInput(connectionSchema, connection);
  return {
    User: bound<UserDocument>(connection, "User", userSchema),
    UserSession: bound<UserSessionDocument>(connection, "UserSession", userSessionSchema),
    App: bound<AppDocument>(connection, "App", appSchema),
    AppToken: bound<AppTokenDocument>(connection, "AppToken", appTokenSchema),
    AppPermission: bound<AppPermissionDocument>(connection, "AppPermission", appPermissionSchema),
    AuthorizationRequest: bound<AuthorizationRequestDocument>(
      connection,
      "AuthorizationRequest",
      authorizationRequestSchema,
    ),
    DeviceAuthorization: bound<DeviceAuthorizationDocument>(
      connection,
      "DeviceAuthorization",
      deviceAuthorizationSchema,
    ),
    SigningKey: bound<SigningKeyDocument>(connection, "SigningKey", signingKeySchema),
    UsedAssertion: bound<UsedAssertionDocument>(connection, "UsedAssertion", usedAssertionSchema),
    ApiKey: bound<ApiKeyDocument>(connection, "ApiKey", apiKeySchema),
    AuditEvent: bound<AuditEventDocument>(connection, "AuditEvent", auditEventSchema),
    AuditCheckpoint: bound<AuditCheckpointDocument>(connection, "AuditCheckpoint", auditCheckpointSchema),
    SecurityEvent: bound<SecurityEventDocument>(connection, "SecurityEvent", securityEventSchema),
    UsageBucket: bound<UsageBucketDocument>(connection, "UsageBucket", usageBucketSchema),
    AppUsage: bound<AppUsageDocument>(connection, "AppUsage", appUsageSchema),
    LoginProfile: bound<LoginProfileDocument>(connection, "LoginProfile", loginProfileSchema),
    LoginChallenge: bound<LoginChallengeDocument>(connection, "LoginChallenge", loginChallengeSchema),
    RequestLimit: bound<RequestLimitDocument>(connection, "RequestLimit", requestLimitSchema),
    RiskCounter: bound<RiskCounterDocument>(connection, "RiskCounter", riskCounterSchema),
    UserFactors: bound<UserFactorsDocument>(connection, "UserFactors", userFactorsSchema),
    PasskeyChallenge: bound<PasskeyChallengeDocument>(connection, "PasskeyChallenge", passkeyChallengeSchema),
    SignInReport: bound<SignInReportDocument>(connection, "SignInReport", signInReportSchema),
    AdministratorRegister: bound<AdministratorRegisterDocument>(
      connection,
      "AdministratorRegister",
      administratorRegisterSchema,
    ),
    AdminApproval: bound<AdminApprovalDocument>(connection, "AdminApproval", adminApprovalSchema),
    BulkJob: bound<BulkJobDocument>(connection, "BulkJob", bulkJobSchema),
    BulkJobItem: bound<BulkJobItemDocument>(connection, "BulkJobItem", bulkJobItemSchema),
    Erasure: bound<ErasureDocument>(connection, "Erasure", erasureSchema),
    CacheHeartbeat: bound<CacheHeartbeatDocument>(connection, "CacheHeartbeat", cacheHeartbeatSchema),
  };
}

function bound<D>(connection: Connection, name: string, schema: Schema<D>): Model<D> {
  const isNew = connection.models[name] === undefined;
  // Mongoose refuses a model of the same name that somebody else made.
  const model = connection.model<D>(name, schema);
  if (!isNew) return model;
  pinToPrimary(model.collection);
  countCodePoints(model.schema);
  return model;
}
