import type { IdentityDatabase } from "@org/db-models";
import { planSetup } from "@org/db-optimizer";

/** The database lacks something without which the service would break its promises. */
export class SetupError extends Error {
  override readonly name = "SetupError";
  readonly code = "DATABASE_NOT_SET_UP";
}

/**
 * Looks whether every uniqueness rule is in force: without one, two accounts could have one email address, or a user
 * more sessions than the cap. Other indexes only cost time; those that are missing are named in the answer.
 *
 * @returns the indexes without which the service is slow, as `collection.index`.
 * @throws SetupError that names each missing rule.
 */
export async function checkSetup({ connection, models }: IdentityDatabase): Promise<string[]> {
  const { drift } = await planSetup(connection, Object.values(models), "off");
  const lacking = [...drift.missing, ...drift.building, ...drift.changed.map(({ expected }) => expected)];
  const nameOf = ({ collection, name }: { collection: string; name: string }) => `${collection}.${name}`;
  const rules = lacking.filter(({ unique }) => unique).map(nameOf);
  if (rules.length === 0) return lacking.map(nameOf);
  throw new SetupError(
    `the database has not been set up: no ${rules.join(", ")}. Set it up: npm run db:setup at the repository's root`,
  );
}
