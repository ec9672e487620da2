/** What begins the names of roles that `administrators.setRoles` gives, and nothing else. */
export const reservedRolePrefix = "identity:";

export const administratorRoles = [
  "identity:support",
  "identity:auditor",
  "identity:impersonator",
  "identity:admin",
] as const;
/**
 * A role of somebody who operates the service. `identity:admin` makes others administrators: at least one active account
 * always has it. `identity:impersonator` acts for users, which no other role includes.
 */
export type AdministratorRole = (typeof administratorRoles)[number];
