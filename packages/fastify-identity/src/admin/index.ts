import type { FastifyInstance } from "fastify";
import { pageScope } from "../pages/index.js";
import type { Site } from "../pages/site.js";
import type { AdminContext } from "./acting.js";
import { administratorsPage } from "./pages/administrators.js";
import { appPage } from "./pages/app.js";
import { appSecretPage } from "./pages/app-secret.js";
import { approvalsPage } from "./pages/approvals.js";
import { appsPage } from "./pages/apps.js";
import { auditPage, serveCheckpoints } from "./pages/audit.js";
import { databasePage } from "./pages/database.js";
import { impersonationsPage } from "./pages/impersonations.js";
import { jobPage, serveJobProgress, serveJobResults } from "./pages/jobs/job.js";
import { jobsPage } from "./pages/jobs/list.js";
import { type AdminSite, addAdminPage } from "./pages/parts/define.js";
import type { Section } from "./pages/parts/frame.js";
import { eventsPage, serveEventRows } from "./pages/security-events.js";
import { reportsPage } from "./pages/sign-in-reports.js";
import { signingKeysPage } from "./pages/signing-keys.js";
import { userPage } from "./pages/user.js";
import { usersPage } from "./pages/users.js";

const sections: readonly Section[] = [
  { path: "/users", label: "admin.users", permission: "users:read" },
  { path: "/impersonations", label: "admin.impersonations", permission: "users:read" },
  { path: "/jobs", label: "admin.jobs", permission: "users:read" },
  { path: "/reports", label: "admin.reports", permission: "users:read" },
  { path: "/events", label: "admin.events", permission: "users:read" },
  { path: "/apps", label: "admin.apps", permission: "apps:read" },
  { path: "/signing-keys", label: "admin.signing_keys", permission: "keys:read" },
  { path: "/approvals", label: "admin.approvals", permission: "users:erase" },
  { path: "/audit", label: "admin.audit", permission: "audit:read" },
  { path: "/database", label: "admin.database", permission: "database:read" },
  { path: "/administrators", label: "admin.administrators", permission: "administrators:read" },
];

/** Adds the pages of the admin area to a scope of their own. */
export async function serveAdminPages(
  scope: FastifyInstance,
  site: Site,
  context: AdminContext,
  prefix: string,
): Promise<void> {
  const refuseOtherMethods = await pageScope(scope, site);
  const { health } = context;
  const { impersonation } = context.settings;
  const absent = new Set([...(health ? [] : ["/database"]), ...(impersonation ? [] : ["/impersonations"])]);
  const shown = sections.filter(({ path }) => !absent.has(path));
  const admin: AdminSite = { ...context, site, prefix, sections: shown };
  const options = { config: { identity: "session" }, schema: { hide: true } as object } as const;
  scope.get("", options, (_request, reply) =>
    reply.header("cache-control", "no-store").redirect(`${prefix}/users`, 303),
  );
  addAdminPage(scope, admin, usersPage);
  addAdminPage(scope, admin, userPage(impersonation));
  if (impersonation) addAdminPage(scope, admin, impersonationsPage);
  addAdminPage(scope, admin, jobsPage);
  addAdminPage(scope, admin, jobPage);
  serveJobProgress(scope, admin);
  serveJobResults(scope, admin);
  addAdminPage(scope, admin, reportsPage);
  addAdminPage(scope, admin, eventsPage);
  serveEventRows(scope, admin);
  addAdminPage(scope, admin, appsPage);
  addAdminPage(scope, admin, appPage);
  addAdminPage(scope, admin, appSecretPage);
  addAdminPage(scope, admin, signingKeysPage);
  addAdminPage(scope, admin, approvalsPage);
  addAdminPage(scope, admin, auditPage);
  serveCheckpoints(scope, admin);
  if (health) addAdminPage(scope, admin, databasePage(health));
  addAdminPage(scope, admin, administratorsPage);
  refuseOtherMethods();
}
