import type { Model } from "mongoose";
import type { ApiKeyDocument } from "./schemas/api-key.js";
import type { AppDocument } from "./schemas/app.js";
import type { AppPermissionDocument } from "./schemas/app-permission.js";
import type { AppTokenDocument } from "./schemas/app-token.js";
import type { AuditCheckpointDocument } from "./schemas/audit-checkpoint.js";
import type { AuditEventDocument } from "./schemas/audit-event.js";
import type { ErasureDocument } from "./schemas/erasure.js";
import type { LoginChallengeDocument } from "./schemas/login-challenge.js";
import type { LoginProfileDocument } from "./schemas/login-profile.js";
import type { RiskCounterDocument } from "./schemas/risk-counter.js";
import type { SecurityEventDocument } from "./schemas/security-event.js";
import type { UsageBucketDocument } from "./schemas/usage-bucket.js";
import type { UserDocument } from "./schemas/user.js";
import type { UserSessionDocument } from "./schemas/user-session.js";
import type { SessionMethods } from "./sessions/types.js";
import type { UserMethods } from "./users/methods.js";

/** Every model of this package, bound to one connection. */
export interface IdentityModels {
  readonly User: Model<UserDocument, object, UserMethods>;
  readonly UserSession: Model<UserSessionDocument, object, SessionMethods>;
  readonly App: Model<AppDocument>;
  readonly AppToken: Model<AppTokenDocument>;
  readonly AppPermission: Model<AppPermissionDocument>;
  readonly ApiKey: Model<ApiKeyDocument>;
  readonly AuditEvent: Model<AuditEventDocument>;
  readonly AuditCheckpoint: Model<AuditCheckpointDocument>;
  readonly SecurityEvent: Model<SecurityEventDocument>;
  readonly UsageBucket: Model<UsageBucketDocument>;
  readonly LoginProfile: Model<LoginProfileDocument>;
  readonly LoginChallenge: Model<LoginChallengeDocument>;
  readonly RiskCounter: Model<RiskCounterDocument>;
  readonly Erasure: Model<ErasureDocument>;
}
