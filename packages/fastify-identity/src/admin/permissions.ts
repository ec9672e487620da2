import type { AdministratorRole } from "@org/db-models";
import type { AdminSettings } from "./options.js";

/** What somebody may do in the admin area. */
const permissions = [
  "users:read",
  "users:write",
  "users:erase",
  "users:impersonate",
  "apps:read",
  "apps:write",
  "audit:read",
  "audit:export",
  "database:read",
  "keys:read",
  "keys:write",
  "administrators:read",
  "administrators:write",
] as const;
export type Permission = (typeof permissions)[number];

/** What each role may do. A role that is not here may do nothing, whatever its name. */
const permissionsOf: { readonly [Role in AdministratorRole]: readonly Permission[] } = {
  "identity:support": ["users:read", "users:write", "apps:read"],
  "identity:auditor": [
    "users:read",
    "apps:read",
    "audit:read",
    "audit:export",
    "database:read",
    "keys:read",
    "administrators:read",
  ],
  "identity:impersonator": ["users:read", "users:impersonate"],
  // Who approves that somebody acts for a user does not act for one without being told to.
  "identity:admin": permissions.filter((permission) => permission !== "users:impersonate"),
};

/** What roles may do together. Where nobody acts for users, the role that lets do it gives nothing. */
export function permissionsFor(
  roles: readonly AdministratorRole[],
  { impersonation }: Pick<AdminSettings, "impersonation">,
): ReadonlySet<Permission> {
  const given = roles.filter((role) => impersonation || role !== "identity:impersonator");
  return new Set(given.flatMap((role) => permissionsOf[role]));
}
