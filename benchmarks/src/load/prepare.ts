import { type Identity, openIdentity } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import { MongoClient } from "mongodb";
import { authOn } from "../better-auth.js";
import type { MemberStart } from "./member.js";
import { betterAuth, type LoadAccount } from "./products.js";

const password = "correct horse battery staple";
const keysOfMember = 2;
const maxConcurrentSessions = 100;
const quota = { remaining: 1_000_000_000 };

/** What members begin with: an account each, and sessions of other users. */
export async function prepareOurs(uri: string, members: number, sessions: number): Promise<MemberStart[]> {
  const identity = await openIdentity(uri);
  try {
    for (const model of Object.values(identity.models) as { createIndexes(): Promise<unknown> }[])
      await model.createIndexes();
    const users = await makeUsers(identity, Math.max(sessions, 1));
    const starts: MemberStart[] = [];
    for (let member = 0; member < members; member++) {
      const account = newAccount();
      const { _id: userId } = await identity.users.register(account);
      // Sign-ins without an answer may have opened sessions, which are to evict none.
      await identity.users.updateSecurity({ userId, changes: { maxConcurrentSessions } });
      const keys: string[] = [];
      for (let index = 0; index < keysOfMember; index++) {
        const input = { userId, name: `load ${index}`, scopes: ["load:read"], quota };
        keys.push((await identity.apiKeys.create(input)).key);
      }
      const tokens: string[] = [];
      for (let at = member; at < sessions; at += members)
        tokens.push((await identity.sessions.open({ userId: users[at] as (typeof users)[number] })).token);
      const { token: settingsToken } = await identity.sessions.open({ userId });
      starts.push({ account, tokens, keys, settingsToken });
    }
    return starts;
  } finally {
    await identity.close();
  }
}

async function makeUsers(identity: Identity, count: number) {
  const now = new Date();
  const users = Array.from({ length: count }, () => {
    const fields = { email: newAccount().email, auditKey: randomKey(), createdAt: now, updatedAt: now };
    return new identity.models.User(fields).toObject();
  });
  await identity.models.User.collection.insertMany(users);
  return users.map(({ _id }) => _id);
}

/** The same for better-auth: the sessions are of the members' accounts, for each of which a sign-in opens one. */
export async function prepareBetterAuth(
  uri: string,
  secret: string,
  members: number,
): Promise<MemberStart[]> {
  const client = await MongoClient.connect(uri);
  try {
    const auth = authOn(client.db(), secret);
    const starts: MemberStart[] = [];
    for (let member = 0; member < members; member++) {
      const account = newAccount();
      await auth.api.signUpEmail({ body: { ...account, name: "First" } });
      const open = async () => {
        const answer = await auth.api.signInEmail({ body: account, asResponse: true });
        const headers = { "set-cookie": answer.headers.getSetCookie() };
        return betterAuth.tokenOf({ status: answer.status, headers, text: "" });
      };
      starts.push({ account, tokens: [await open(), await open()], keys: [], settingsToken: await open() });
    }
    return starts;
  } finally {
    await client.close();
  }
}

function newAccount(): LoadAccount {
  return { email: `load-${randomKey().toLowerCase()}@example.com`, password };
}
