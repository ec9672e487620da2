import { createHmac, randomBytes } from "node:crypto";
import type { Identity } from "@org/db-models";

import { betterAuth } from "better-auth";
import { mongodbAdapter } from "better-auth/adapters/mongodb";
import connectMongo from "connect-mongo";
import { MongoClient, ObjectId } from "mongodb";
import { beside, type Comparison, type Contender, commandsPerCall, compare, perCall } from "./measure.js";

/** One peer's session check beside ours, in one run. */
interface PeerComparison {
  /** Ours over the peer's. */
  latency: Comparison;
  /** Commands that one call sends to the server. */
  commands: Record<string, number>;
}

export interface PeerBenchmarks {
  ourCommands: Record<string, number>;
  betterAuthGetSession: PeerComparison;
  connectMongoGet: PeerComparison;
}

const users = 500;
const batchSize = 5_000;
const countedCalls = 20;
const lifetimeMs = 7 * 86_400_000;

/**
 * `validateSession` beside better-auth's `getSession` through its MongoDB adapter and connect-mongo's `get`: each on
 * as many sessions of its own, in its own layout and with the indexes that the call needs, on one server.
 */
export async function benchmarkPeers(
  identity: Identity,
  uri: string,
  sessions: number,
  say: (line: string) => void,
): Promise<PeerBenchmarks> {
  // Monitored connections of the peers' own: all three are counted and timed alike.
  const client = new MongoClient(uri, { monitorCommands: true, maxPoolSize: 10 });
  const { models } = identity;
  const database = `${models.User.db.name}_peers`;
  try {
    say(`peers: loading ${sessions} sessions of better-auth`);
    const getSession = await betterAuthOn(client, database, sessions);
    say(`peers: loading ${sessions} sessions of connect-mongo`);
    const get = await connectMongoOn(client, database, sessions);
    const ours = await oursOn(identity);
    say("peers: side by side");
    return {
      ourCommands: await commandsPerCall(models.User.db.getClient(), ours, countedCalls),
      betterAuthGetSession: await besides(ours, getSession, client),
      connectMongoGet: await besides(ours, get, client),
    };
  } finally {
    await client.db(database).dropDatabase();
    await client.close();
  }
}

async function besides(ours: Contender, peer: Contender, client: MongoClient): Promise<PeerComparison> {
  return { latency: await compare(ours, peer), commands: await commandsPerCall(client, peer, countedCalls) };
}

async function oursOn(identity: Identity): Promise<Contender> {
  const { models } = identity;
  const now = new Date();
  const accounts = Array.from({ length: users }, () => {
    const fields = {
      email: `peer-${randomBytes(8).toString("hex")}@example.com`,
      createdAt: now,
      updatedAt: now,
    };
    return new models.User({ ...fields, auditKey: randomBytes(32).toString("base64url") }).toObject();
  });
  await models.User.collection.insertMany(accounts);
  const tokens: string[] = [];
  for (const { _id: userId } of accounts) tokens.push((await identity.sessions.open({ userId })).token);
  return async (index) => {
    const check = await identity.sessions.validate(tokens[index % users]);
    if (!check.ok) throw new Error(`our session is ${check.reason}`);
  };
}

async function betterAuthOn(client: MongoClient, database: string, sessions: number): Promise<Contender> {
  const db = client.db(database);
  const secret = randomBytes(32).toString("hex");
  const auth = betterAuth({
    secret,
    baseURL: "http://127.0.0.1",
    database: mongodbAdapter(db),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  // Its own sign-up makes its indexes, and a session to make the others like.
  await auth.api.signUpEmail({
    body: { email: "first@example.com", password: "correct horse", name: "First" },
  });
  const user = await db.collection("user").findOne();
  const session = await db.collection("session").findOne();
  if (!user || !session) throw new Error("better-auth stored no session");
  const userIds = Array.from({ length: users }, () => new ObjectId());
  await db
    .collection("user")
    .insertMany(userIds.map((_id, index) => ({ ...user, _id, email: `user-${index}@example.com` })));
  const tokens: string[] = [];
  const now = Date.now();
  await load(db.collection("session"), sessions, (index) => {
    const token = randomBytes(24).toString("base64url");
    if (tokens.length < users) tokens.push(token);
    const dates = {
      createdAt: new Date(now),
      updatedAt: new Date(now),
      expiresAt: new Date(now + lifetimeMs),
    };
    return { ...session, _id: new ObjectId(), token, userId: userIds[index % users], ...dates };
  });
  const cookies = tokens.map((token) => {
    const signature = createHmac("sha256", secret).update(token).digest("base64");
    return new Headers({
      cookie: `better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`,
    });
  });
  return async (index) => {
    const found = await auth.api.getSession({ headers: cookies[index % users] as Headers });
    if (!found) throw new Error("better-auth found no session");
  };
}

async function connectMongoOn(client: MongoClient, database: string, sessions: number): Promise<Contender> {
  // Without its TTL index: with it SecantusDB takes tens of milliseconds for the `$or` of its query, which says
  // nothing of MongoDB. So this is the store at its best.
  const store = connectMongo.create({
    client,
    dbName: database,
    collectionName: "express_sessions",
    autoRemove: "disabled",
  });
  const collection = client.db(database).collection<{ _id: string }>("express_sessions");
  const cookie = { originalMaxAge: lifetimeMs, httpOnly: true, path: "/" };
  const set = (id: string) =>
    new Promise<void>((resolve, reject) =>
      store.set(id, { cookie, userId: id } as never, (error?: unknown) =>
        error ? reject(error) : resolve(),
      ),
    );
  await set("first");
  const template = await collection.findOne();
  const ids: string[] = [];
  await load(collection, sessions, () => {
    const _id = randomBytes(24).toString("base64url");
    if (ids.length < users) ids.push(_id);
    return { ...template, _id };
  });
  return (index) =>
    new Promise<void>((resolve, reject) =>
      store.get(ids[index % users] as string, (error, found) =>
        found ? resolve() : reject(error ?? new Error("connect-mongo found no session")),
      ),
    );
}

async function load(
  collection: { insertMany(documents: never[], options: { ordered: false }): Promise<unknown> },
  count: number,
  make: (index: number) => object,
): Promise<void> {
  for (let done = 0; done < count; done += batchSize) {
    const length = Math.min(batchSize, count - done);
    const batch = Array.from({ length }, (_, index) => make(done + index));
    await collection.insertMany(batch as never[], { ordered: false });
  }
}

export function readablePeers(found: PeerBenchmarks): string[] {
  const line = ({ latency, commands }: PeerComparison, peer: string) =>
    `validateSession: ${beside(latency, peer)}, which sends ${perCall(commands)}`;
  return [
    `our validateSession sends ${perCall(found.ourCommands)}`,
    line(found.betterAuthGetSession, "better-auth's getSession"),
    line(found.connectMongoGet, "connect-mongo's get"),
  ];
}
