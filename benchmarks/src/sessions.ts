import { createIdentity, type IdentityModels, type SessionAccount, type SessionSlots } from "@org/db-models";
import { parseToken, randomKey, sha256 } from "@org/db-models/core";
import { placeOf, queries } from "@org/db-models/queries";
import type { Connection, mongo } from "mongoose";
import { mongo as driver } from "mongoose";
import { beside, type Comparison, compare } from "./measure.js";

export interface SessionBenchmarks {
  validate: Comparison;
  open: Comparison;
  /** With the slots as a sign-in has read them beside the password check. */
  openInSignIn: Comparison;
  refresh: Comparison;
}

const users = 500;
/** Every login is from the device that the user has had before, as nearly all are. */
const client = { ip: "192.0.2.7", userAgent: "curl/8.5.0" } as const;

/**
 * The session operations against the bare driver call that each can't do without, on the sessions that are in the
 * database: validate against `findOne` by the same filter, open under the cap, with the account as the authentication has
 * read it and from a known device, against one `insertOne` of the same document, refresh against one `findOneAndUpdate`.
 */
export async function benchmarkSessions(connection: Connection): Promise<SessionBenchmarks> {
  const now = new Date();
  const identity = createIdentity({ connection, clock: { now: () => now } });
  const { models } = identity;
  const sessions = models.UserSession.collection as unknown as mongo.Collection;
  const accounts = await makeUsers(models, now);
  const userIds = accounts.map(({ _id }) => _id);

  const tokens: string[] = [];
  for (const userId of userIds) tokens.push((await identity.sessions.open({ userId, ...client })).token);
  const filters = tokens.map((token) => filterOf(token));
  const validate = await compare(
    (index) => identity.sessions.validate(tokens[index % users]),
    (index) => sessions.findOne(filters[index % users] as object),
  );

  const template = await sessions.findOne(filters[0] as object);
  const open = await compare(
    (index) => {
      const account = accounts[index % users] as SessionAccount;
      return identity.sessions.open({ userId: account._id, account, ...client });
    },
    () => sessions.insertOne({ ...template, ...fresh() }),
    { calls: 40 },
  );

  let slots: SessionSlots = [];
  const openInSignIn = await compare(
    (index) => {
      const account = accounts[index % users] as SessionAccount;
      return identity.sessions.open({ userId: account._id, account, slots, ...client });
    },
    () => sessions.insertOne({ ...template, ...fresh() }),
    {
      calls: 40,
      prepare: async (index) => {
        slots = await identity.sessions.slots({ userId: (accounts[index % users] as SessionAccount)._id });
      },
    },
  );

  const current: string[] = [];
  for (const userId of userIds) current.push((await identity.sessions.open({ userId, ...client })).token);
  const refresh = await compare(
    async (index) => {
      const result = await identity.sessions.refresh(current[index % users]);
      if (!result.ok) throw new Error(`refresh failed: ${result.reason}`);
      current[index % users] = result.token;
    },
    (index) =>
      sessions.findOneAndUpdate(
        filters[index % users] as object,
        { $set: { tokenHash: sha256(randomKey()), lastSeenAt: now } },
        { returnDocument: "after", projection: { userId: 1 } },
      ),
    { calls: 40 },
  );
  return { validate, open, openInSignIn, refresh };
}

async function makeUsers(models: IdentityModels, now: Date): Promise<SessionAccount[]> {
  const made = Array.from({ length: users }, (_, index) => {
    const fields = { email: `bench-${index}-${randomKey()}@example.com`, auditKey: randomKey() };
    return new models.User({ ...fields, createdAt: now, updatedAt: now }).toObject();
  });
  await models.User.collection.insertMany(made);
  return made;
}

/** The filter of the read that a check makes. */
export function filterOf(token: string): object {
  const parsed = parseToken("session", token);
  if (!parsed) throw new Error("this is no session token");
  return queries.sessionById(placeOf(parsed)).filter;
}

function fresh() {
  const _id = new driver.ObjectId();
  return { _id, tokenHash: sha256(_id.toHexString()), slot: undefined };
}

export function readableSessions({ validate, open, openInSignIn, refresh }: SessionBenchmarks): string[] {
  return [
    `sessions.validate: ${beside(validate, "one findOne")}`,
    `sessions.open under the cap: ${beside(open, "one insertOne")}`,
    `the same in a sign-in: ${beside(openInSignIn, "one insertOne")}`,
    `sessions.refresh: ${beside(refresh, "one findOneAndUpdate")}`,
  ];
}
