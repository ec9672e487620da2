import { randomBytes } from "node:crypto";
import type { Identity } from "@org/db-models";

import connectMongo from "connect-mongo";
import { MongoClient } from "mongodb";
import { authOn, load, loadAuthSessions } from "./better-auth.js";
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
  const cookies = await loadAuthSessions(db, secret, sessions);
  const auth = authOn(db, secret);
  const headers = cookies.map((cookie) => new Headers({ cookie }));
  return async (index) => {
    const found = await auth.api.getSession({ headers: headers[index % headers.length] as Headers });
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

export function readablePeers(found: PeerBenchmarks): string[] {
  const line = ({ latency, commands }: PeerComparison, peer: string) =>
    `validateSession: ${beside(latency, peer)}, which sends ${perCall(commands)}`;
  return [
    `our validateSession sends ${perCall(found.ourCommands)}`,
    line(found.betterAuthGetSession, "better-auth's getSession"),
    line(found.connectMongoGet, "connect-mongo's get"),
  ];
}
