import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { sessionOf } from "../../http/guards/identity-of.js";
import { named } from "../../http/named.js";
import type { AdminContext } from "../acting.js";
import { permissionsFor } from "../permissions.js";
import { administratorRoutes } from "./administrators.js";
import { appRoutes } from "./apps.js";
import { auditRoutes } from "./audit.js";
import { databaseRoutes } from "./database.js";
import { guarded } from "./guarded.js";
import { impersonationRoutes } from "./impersonations.js";
import { jobRoutes } from "./jobs.js";
import * as schemas from "./schemas.js";
import { securityEventRoutes } from "./security-events.js";
import { signInReportRoutes } from "./sign-in-reports.js";
import { signingKeyRoutes } from "./signing-keys.js";
import { userRoutes } from "./users.js";

/** The JSON API of the admin area. */
export const adminRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (app, { context }) => {
  app.get(
    "/me",
    {
      config: guarded(),
      schema: { tags: ["admin"], summary: "Read what you may do here", response: { 200: schemas.me } },
    },
    async (request) => {
      const { userId } = sessionOf(request);
      const roles = (await context.service.identity.administrators.read({ userId }))?.roles ?? [];
      return { roles, permissions: [...permissionsFor(roles, context.settings)] };
    },
  );
  await app.register(named("administration: user routes", userRoutes), { context });
  const { impersonation } = context.settings;
  if (impersonation)
    await app.register(named("administration: impersonation routes", impersonationRoutes), {
      context,
      rules: impersonation,
    });
  await app.register(named("administration: job routes", jobRoutes), { context });
  await app.register(named("administration: security event routes", securityEventRoutes), { context });
  await app.register(named("administration: sign in report routes", signInReportRoutes), { context });
  await app.register(named("administration: app routes", appRoutes), { context });
  await app.register(named("administration: signing key routes", signingKeyRoutes), { context });
  await app.register(named("administration: audit routes", auditRoutes), { context });
  const { health: checks } = context;
  if (checks)
    await app.register(named("administration: database routes", databaseRoutes), { context, checks });
  await app.register(named("administration: administrator routes", administratorRoutes), { context });
};
