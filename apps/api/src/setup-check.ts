import type { IdentityDatabase } from "@org/db-models";
import { planSetup } from "@org/db-optimizer";

/** The database lacks something without which the service would break its promises. */
export class SetupError extends Error {
  override readonly name = "SetupError";
  readonly code = "DATABASE_NOT_SET_UP";
}

/** Indexes that are missing and without which the service still keeps its promises, as `collection.index`. */
export interface MissingIndexes {
  /** Without them requests are slow. */
  readonly slow: readonly string[];
  /** TTL indexes: without them the server deletes nothing that has expired. Setting them up deletes it at once. */
  readonly ttl: readonly string[];
}

/**
 * Looks whether every uniqueness rule is in force: without one, two accounts could have one email address, or a user
 * more sessions than the cap. Other indexes only cost time or space; those that are missing are named in the answer.
 *
 * @throws SetupError that names each missing rule.
 */
export async function checkSetup({ connection, models }: IdentityDatabase): Promise<MissingIndexes> {
  const { drift } = await planSetup(connection, Object.values(models), "off");
  const lacking = [...drift.missing, ...drift.building, ...drift.changed.map(({ expected }) => expected)];
  const nameOf = ({ collection, name }: { collection: string; name: string }) => `${collection}.${name}`;
  const rules = lacking.filter(({ unique }) => unique).map(nameOf);
  if (rules.length === 0) {
    const [ttl, slow] = [true, false].map((expires) =>
      lacking.filter(({ expireAfterSeconds }) => (expireAfterSeconds !== undefined) === expires).map(nameOf),
    );
    return { slow: slow ?? [], ttl: ttl ?? [] };
  }
  throw new SetupError(
    `the database has not been set up: no ${rules.join(", ")}. Set it up: npm run db:setup at the repository's root`,
  );
}
