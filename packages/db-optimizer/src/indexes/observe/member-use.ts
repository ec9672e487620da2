import { type Connection, mongo } from "mongoose";

import { mapLimited } from "../../core/limited.js";
import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import { primary } from "../../core/server/own-collection.js";
import { ownWork } from "../../core/server/own-work.js";
import type { IndexUse } from "../plan/unused.js";

/** What all members together say of the use of indexes. */
export interface MemberUse {
  /** By `collection.index`, an entry for each member that has it. */
  readonly use: ReadonlyMap<string, readonly IndexUse[]>;
  /** Members that hold data and did not answer: what they would say nobody knows. */
  readonly silent: readonly string[];
}

const atOnce = 4;
const selectionMs = 3_000;

/**
 * Asks every data-bearing member for its index counters, as each counts for itself alone. A member that cannot be
 * reached or refuses is silent; with one such member no index is called unused.
 */
export async function readIndexUse(
  connection: Connection,
  collections: readonly string[],
): Promise<MemberUse> {
  const db = databaseOf(connection);
  const hosts = await memberHosts(connection);
  if (hosts.length <= 1) return { use: merged([await useOn(db, collections)]), silent: [] };
  const answers = await mapLimited(hosts, atOnce, async (host) => {
    const use = await askMember(connection, host, (own) => useOn(own, collections)).catch(() => undefined);
    return { host, use };
  });
  return {
    use: merged(answers.flatMap(({ use }) => (use ? [use] : []))),
    silent: answers.filter(({ use }) => !use).map(({ host }) => host),
  };
}

/** Addresses of all members that hold data, of every shard. */
export async function memberHosts(connection: Connection): Promise<string[]> {
  const hello = (await databaseOf(connection).command({ hello: 1 })) as Document;
  if (hello.msg !== "isdbgrid") return [...dataHosts(hello, []), ...(await hiddenHosts(connection, hello))];
  const shards = await connection.getClient().db("config").collection("shards", primary).find().toArray();
  return dataHosts(hello, shards);
}

/** Hidden members serve whoever knows them, reports say; only the configuration of the set names them. */
async function hiddenHosts(connection: Connection, { setName }: Document): Promise<string[]> {
  if (setName === undefined) return [];
  const asked = databaseOf(connection).admin().command({ replSetGetConfig: 1 });
  // Who may not ask is told of the others.
  const { config } = (await asked.catch(() => ({}))) as { config?: { members?: Document[] } };
  return (config?.members ?? [])
    .filter(({ hidden, arbiterOnly }) => hidden === true && arbiterOnly !== true)
    .map(({ host }) => String(host));
}

/** Members that hold data: of the replica set, or of each shard. Arbiters are named apart by the server. Pure. */
export function dataHosts(hello: Document, shards: readonly Document[]): string[] {
  // `rs0/a:27018,b:27018`
  const ofShards = shards.flatMap(({ host }) =>
    String(host)
      .replace(/^[^/]*\//, "")
      .split(","),
  );
  const listed = [...((hello.hosts ?? []) as string[]), ...((hello.passives ?? []) as string[])];
  return shards.length > 0 ? ofShards : listed;
}

/** Asks one member, by a connection to it alone, which is closed afterwards. */
export async function askMember<T>(
  connection: Connection,
  host: string,
  ask: (db: mongo.Db) => Promise<T>,
): Promise<T> {
  const client = new mongo.MongoClient(`mongodb://${host}/`, memberOptions(connection.getClient().options));
  try {
    await client.connect();
    return await ask(client.db(databaseOf(connection).databaseName));
  } finally {
    await client.close();
  }
}

/** How a member is connected to: as the application connects, but to this one alone. Pure. */
export function memberOptions(options: Partial<mongo.MongoOptions>): mongo.MongoClientOptions {
  const { credentials, tls, ca, cert, key, passphrase, rejectUnauthorized, checkServerIdentity } = options;
  return {
    directConnection: true,
    serverSelectionTimeoutMS: selectionMs,
    maxPoolSize: 1,
    ...(credentials && {
      auth: { username: credentials.username, password: credentials.password },
      authSource: credentials.source,
      authMechanism: credentials.mechanism,
      authMechanismProperties: credentials.mechanismProperties,
    }),
    ...(tls && { tls, ca, cert, key, passphrase, rejectUnauthorized, checkServerIdentity }),
  } as mongo.MongoClientOptions;
}

async function useOn(db: mongo.Db, collections: readonly string[]): Promise<[string, IndexUse][]> {
  const found = await mapLimited(collections, atOnce, async (collection) => {
    const pipeline = [{ $indexStats: {} }];
    const entries = await db
      .collection(collection, primary)
      .aggregate(pipeline, ownWork)
      .toArray()
      .catch(absent);
    return entries.flatMap((entry): [string, IndexUse][] => {
      const use = useOfEntry(entry);
      return use ? [[`${collection}.${entry.name}`, use]] : [];
    });
  });
  return found.flat();
}

// A shard need not have the collection.
function absent(error: unknown): Document[] {
  if ((error as { code?: unknown }).code === 26) return [];
  throw error;
}

/**
 * One entry of `$indexStats`; `undefined` without the time since which it counts, for then it tells of nothing
 * (SecantusDB's Python server). Pure.
 */
export function useOfEntry({ host, accesses }: Document): IndexUse | undefined {
  const { ops, since } = (accesses ?? {}) as { ops?: unknown; since?: unknown };
  return since instanceof Date ? { member: String(host), ops: Number(ops), since } : undefined;
}

function merged(answers: readonly (readonly [string, IndexUse])[][]): Map<string, IndexUse[]> {
  const use = new Map<string, IndexUse[]>();
  for (const [place, entry] of answers.flat()) use.set(place, [...(use.get(place) ?? []), entry]);
  return use;
}
