import { type AdministratorRole, type Identity, IdentityError, normaliseIdentifier } from "@org/db-models";
import { findByQuery, queries } from "@org/db-models/queries";

/** Who has a role of the admin area. */
export interface ListedAdministrator {
  readonly email: string;
  readonly roles: readonly AdministratorRole[];
}

export async function listAdministrators(identity: Identity): Promise<ListedAdministrator[]> {
  const members = await identity.administrators.list();
  const users = await Promise.all(members.map(({ userId }) => identity.users.read(userId)));
  return users.map(({ email }, index) => ({ email, roles: members[index]?.roles ?? [] }));
}

/**
 * Gives a user roles of the admin area in the place of others, and records it first.
 *
 * @throws IdentityError `USER_NOT_FOUND`, `USER_NOT_ACTIVE`, `LAST_ADMINISTRATOR`, `INVALID_INPUT`, `AUDIT_NOT_WRITTEN`.
 */
export async function setAdministrator(
  identity: Identity,
  email: string,
  roles: readonly string[],
): Promise<ListedAdministrator> {
  const user = await findByQuery(identity.models, queries.userByEmail(normaliseIdentifier(email)));
  if (!user) throw new IdentityError("USER_NOT_FOUND", `There is no account with ${email}`);
  const event = {
    action: "admin.roles_set",
    subjectId: user._id,
    details: { roles: roles.join(" ") || "none", reason: "given by the operator's command" },
  };
  await identity.audit.append({ ...event, outcome: "success" });
  try {
    // It refuses names that are no role.
    await identity.administrators.setRoles({ userId: user._id, roles: roles as AdministratorRole[] });
  } catch (error) {
    await identity.audit.append({ ...event, outcome: "failure" });
    throw error;
  }
  return { email: user.email, roles: roles as AdministratorRole[] };
}
