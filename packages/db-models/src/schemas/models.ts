import type { Connection, Model } from "mongoose";
import { type ApiKeyDocument, apiKeySchema } from "./api-key.js";
import { type AppDocument, appSchema } from "./app.js";
import { type AppPermissionDocument, appPermissionSchema } from "./app-permission.js";
import { type AppTokenDocument, appTokenSchema } from "./app-token.js";
import { type AuditCheckpointDocument, auditCheckpointSchema } from "./audit-checkpoint.js";
import { type AuditEventDocument, auditEventSchema } from "./audit-event.js";
import { type ErasureDocument, erasureSchema } from "./erasure.js";
import { type LoginChallengeDocument, loginChallengeSchema } from "./login-challenge.js";
import { type LoginProfileDocument, loginProfileSchema } from "./login-profile.js";
import { countCodePoints } from "./parts/code-points.js";
import { pinToPrimary } from "./parts/primary.js";
import { type RiskCounterDocument, riskCounterSchema } from "./risk-counter.js";
import { type SecurityEventDocument, securityEventSchema } from "./security-event.js";
import { type UsageBucketDocument, usageBucketSchema } from "./usage-bucket.js";
import { type UserDocument, userSchema } from "./user.js";
import { type UserSessionDocument, userSessionSchema } from "./user-session.js";

/** Every model of this package, bound to one connection. */
export interface IdentityModels {
  readonly User: Model<UserDocument>;
  readonly UserSession: Model<UserSessionDocument>;
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

const modelsOfConnection = new WeakMap<Connection, IdentityModels>();

/** The models of a connection, which are bound when they are first asked for. */
export function modelsOf(connection: Connection): IdentityModels {
  const known = modelsOfConnection.get(connection);
  if (known) return known;
  const models = bindModels(connection);
  modelsOfConnection.set(connection, models);
  return models;
}

function bindModels(connection: Connection): IdentityModels {
  const models: IdentityModels = {
    User: connection.model<UserDocument>("User", userSchema),
    UserSession: connection.model<UserSessionDocument>("UserSession", userSessionSchema),
    App: connection.model<AppDocument>("App", appSchema),
    AppToken: connection.model<AppTokenDocument>("AppToken", appTokenSchema),
    AppPermission: connection.model<AppPermissionDocument>("AppPermission", appPermissionSchema),
    ApiKey: connection.model<ApiKeyDocument>("ApiKey", apiKeySchema),
    AuditEvent: connection.model<AuditEventDocument>("AuditEvent", auditEventSchema),
    AuditCheckpoint: connection.model<AuditCheckpointDocument>("AuditCheckpoint", auditCheckpointSchema),
    SecurityEvent: connection.model<SecurityEventDocument>("SecurityEvent", securityEventSchema),
    UsageBucket: connection.model<UsageBucketDocument>("UsageBucket", usageBucketSchema),
    LoginProfile: connection.model<LoginProfileDocument>("LoginProfile", loginProfileSchema),
    LoginChallenge: connection.model<LoginChallengeDocument>("LoginChallenge", loginChallengeSchema),
    RiskCounter: connection.model<RiskCounterDocument>("RiskCounter", riskCounterSchema),
    Erasure: connection.model<ErasureDocument>("Erasure", erasureSchema),
  };
  for (const model of Object.values(models) as Model<unknown>[]) {
    pinToPrimary(model.collection);
    countCodePoints(model.schema);
  }
  return models;
}
