/** What begins the names of roles that `administrators.setRoles` gives, and nothing else. */
export const reservedRolePrefix = "identity:";

export const administratorRoles = ["identity:support", "identity:auditor", "identity:admin"] as const;
/**
 * A role of somebody who operates the service. `identity:admin` makes others administrators: at least one active account
 * always has it.
 */
export type AdministratorRole = (typeof administratorRoles)[number];
