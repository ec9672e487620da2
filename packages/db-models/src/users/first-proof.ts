import type { IdentityModels } from "../schemas/models.js";

/**
 * Fields of an account that stay when the owner of its address takes it up by a reset: whose it is, its messages, and what
 * operators and the service keep of it. A username can't be chosen again. Whatever else there is may be a stranger's, who
 * registered the address before, and becomes that of a new account: so does a field that the schema gets later.
 */
const kept: ReadonlySet<string> = new Set([
  "_id",
  "email",
  "username",
  "status",
  "roles",
  "subscription",
  "apiUsage",
  "passwordReset",
  "emailVerification",
  "messagesAt",
  "sessionGeneration",
  "auditKey",
  "createdAt",
  "updatedAt",
  "lastActiveAt",
  "purgeAt",
  "schemaVersion",
]);

/** The change that leaves an account what is kept, and gives it the rest of a new one. */
export function likeNew({ User }: IdentityModels): {
  $set: Record<string, unknown>;
  $unset: Record<string, "">;
} {
  const fresh: Record<string, unknown> = { ...new User().toObject() };
  const fields = Object.keys(User.schema.paths).filter((field) => !kept.has(field));
  return {
    $set: Object.fromEntries(fields.filter((field) => field in fresh).map((field) => [field, fresh[field]])),
    $unset: Object.fromEntries(fields.filter((field) => !(field in fresh)).map((field) => [field, ""])),
  };
}
