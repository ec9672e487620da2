import type { AdministratorRole } from "@org/db-models";

/** What somebody may do in the admin area. */
const permissions = [
  "users:read",
  "users:write",
  "users:erase",
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
  "identity:admin": permissions,
};

/** What roles may do together. */
export function permissionsFor(roles: readonly AdministratorRole[]): ReadonlySet<Permission> {
  return new Set(roles.flatMap((role) => permissionsOf[role]));
}
