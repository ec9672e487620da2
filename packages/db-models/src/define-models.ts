import type { Connection, Model } from "mongoose";
import type { IdentityModels } from "./models.js";
import { pinToPrimary } from "./primary.js";
import { type ApiKeyDocument, apiKeySchema } from "./schemas/api-key.js";
import { type AppDocument, appSchema } from "./schemas/app.js";
import { type AppPermissionDocument, appPermissionSchema } from "./schemas/app-permission.js";
import { type AppTokenDocument, appTokenSchema } from "./schemas/app-token.js";
import { type AuditCheckpointDocument, auditCheckpointSchema } from "./schemas/audit-checkpoint.js";
import { type AuditEventDocument, auditEventSchema } from "./schemas/audit-event.js";
import { countCodePoints } from "./schemas/code-points.js";
import { type ErasureDocument, erasureSchema } from "./schemas/erasure.js";
import { type LoginChallengeDocument, loginChallengeSchema } from "./schemas/login-challenge.js";
import { type LoginProfileDocument, loginProfileSchema } from "./schemas/login-profile.js";
import { type RiskCounterDocument, riskCounterSchema } from "./schemas/risk-counter.js";
import { type SecurityEventDocument, securityEventSchema } from "./schemas/security-event.js";
import { type UsageBucketDocument, usageBucketSchema } from "./schemas/usage-bucket.js";
import { userSchema } from "./schemas/user.js";
import { userSessionSchema } from "./schemas/user-session.js";
import { sessionMethods } from "./sessions/methods.js";
import { userMethods } from "./users/methods.js";

const modelsOfConnection = new WeakMap<Connection, IdentityModels>();

/**
 * Binds the models to a connection. Nothing is sent to the server, and a second call for the same connection
 * returns the same models.
 *
 * Whatever the connection string says, these models read from the primary and write with `w: "majority"`: a secondary
 * that lags would let a revoked session live on. A query that may be stale says so itself, with `read("secondary")`.
 *
 * @example
 * const models = defineModels(mongoose.createConnection(uri));
 * await models.User.findOne({ email: "ada@example.com" });
 */
export function defineModels(connection: Connection): IdentityModels {
  const known = modelsOfConnection.get(connection);
  if (known) return known;
  const models = bindModels(connection);
  modelsOfConnection.set(connection, models);
  return models;
}

function bindModels(connection: Connection): IdentityModels {
  // The methods need the models of this very connection, so each connection has its own copies of these schemas.
  const withMethods = <S extends typeof userSchema | typeof userSessionSchema>(schema: S, methods: object) =>
    schema.clone().method({ ...methods }) as S;
  const sessionSchema = withMethods(
    userSessionSchema,
    sessionMethods(() => models),
  );
  const models: IdentityModels = {
    User: connection.model(
      "User",
      withMethods(
        userSchema,
        userMethods(() => models),
      ),
    ) as unknown as IdentityModels["User"],
    UserSession: connection.model("UserSession", sessionSchema) as unknown as IdentityModels["UserSession"],
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
