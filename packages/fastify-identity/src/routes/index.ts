import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { RouteGroup } from "../options.js";
import type { ServiceOptions } from "../service.js";
import { accountRoutes } from "./account.js";
import { apiKeyRoutes } from "./api-keys.js";
import { consentRoutes } from "./consents.js";
import { emailChangeRoutes } from "./email-change.js";
import { emailVerificationRoutes } from "./email-verification.js";
import { factorRoutes } from "./factors.js";
import { passwordResetRoutes } from "./password-reset.js";
import { profileRoutes } from "./profile.js";
import { providerRoutes } from "./providers.js";
import { securityRoutes } from "./security.js";
import { sessionRoutes } from "./session.js";
import { sessionsRoutes } from "./sessions.js";
import { signInRoutes } from "./sign-in.js";
import { usageRoutes } from "./usage.js";
import { userRoutes } from "./users.js";

/** The routes, by the group under which they can be left out. */
export const routesOf = {
  registration: userRoutes,
  signIn: signInRoutes,
  providers: providerRoutes,
  session: sessionRoutes,
  sessions: sessionsRoutes,
  account: accountRoutes,
  passwordReset: passwordResetRoutes,
  emailVerification: emailVerificationRoutes,
  emailChange: emailChangeRoutes,
  profile: profileRoutes,
  security: securityRoutes,
  factors: factorRoutes,
  consents: consentRoutes,
  apiKeys: apiKeyRoutes,
  usage: usageRoutes,
} as const satisfies Record<RouteGroup, FastifyPluginAsyncZod<ServiceOptions>>;
