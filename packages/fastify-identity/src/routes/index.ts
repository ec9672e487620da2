import type { FastifyPluginAsync } from "fastify";
import type { ServiceOptions } from "../service.js";
import { accountRoutes } from "./account.js";
import { apiKeyRoutes } from "./api-keys.js";
import { emailVerificationRoutes } from "./email-verification.js";
import { passwordResetRoutes } from "./password-reset.js";
import { profileRoutes } from "./profile.js";
import { securityRoutes } from "./security.js";
import { sessionRoutes } from "./session.js";
import { sessionsRoutes } from "./sessions.js";
import { signInRoutes } from "./sign-in.js";
import { usageRoutes } from "./usage.js";
import { userRoutes } from "./users.js";

/** Every route of the service. */
export const identityRoutes: FastifyPluginAsync<ServiceOptions> = async (app, { service }) => {
  await app.register(userRoutes, { service });
  await app.register(signInRoutes, { service });
  await app.register(sessionRoutes, { service });
  await app.register(sessionsRoutes, { service });
  await app.register(accountRoutes, { service });
  await app.register(passwordResetRoutes, { service });
  await app.register(emailVerificationRoutes, { service });
  await app.register(profileRoutes, { service });
  await app.register(securityRoutes, { service });
  await app.register(apiKeyRoutes, { service });
  await app.register(usageRoutes, { service });
};
