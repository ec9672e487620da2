// How each member uses its indexes.
import { type Connection, mongo } from "mongoose";

import { toOptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import type { Document } from "../../core/model.js";
import { databaseOf } from "../../core/server/database.js";
import { type Reading, readGranted } from "../../core/server/figure.js";
import { primary } from "../../core/server/own-collection.js";
import { ownWork } from "../../core/server/own-work.js";
import type { IndexUse } from "../plan/unused.js";

/** Use of indexes over all members. */
export interface MemberUse {
  /** By `collection.index`, an entry for each member that has it. */
  readonly use: ReadonlyMap<string, readonly IndexUse[]>;
  /** Members that hold data and did not answer: what they would say nobody knows. */
  readonly silent: readonly SilentMember[];
}

/** A member that did not say how indexes are used. */
export interface SilentMember {
  /** Its host and port. */
  readonly member: string;
  readonly reason: string;
  /** Collections of which it says nothing. Absent: of none that were asked about does it say anything. */
  readonly collections?: readonly string[];
  /** This server has no such counters, whatever the user's privileges. */
  readonly unsupported?: boolean;
}

const atOnce = 4;
const selectionMs = 3_000;

/**
 * Asks every data-bearing member for its index counters, as each counts for itself alone. A member that cannot be
 * reached or refuses is silent; with one such member no index is called unused. `$indexStats` is of `clusterMonitor`
 * alone: `read`, `readWrite`, `dbAdmin` and `dbOwner` list indexes, and may not ask how they are used.
 *
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/indexStats/
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED` of the server that the connection is to
 */
export async function readIndexUse(
  connection: Connection,
  collections: readonly string[],
): Promise<MemberUse> {
  if (collections.length === 0) return { use: new Map(), silent: [] };
  const db = databaseOf(connection);
  const hosts = await readGranted(db, () => memberHosts(connection));
  if (hosts.state !== "known") return { use: new Map(), silent: [silentMember("each shard", hosts)] };
  const [own = hostOf(connection)] = hosts.value;
  const answers =
    hosts.value.length <= 1
      ? [answerOf(own, await useOn(db, collections))]
      : await mapLimited(hosts.value, atOnce, (host) => askForUse(connection, host, collections));
  return { use: merged(answers.map(({ use }) => use)), silent: answers.flatMap(({ silent }) => silent) };
}

async function askForUse(
  connection: Connection,
  host: string,
  collections: readonly string[],
): Promise<MemberAnswer> {
  try {
    return answerOf(host, await askMember(connection, host, (own) => useOn(own, collections)));
  } catch (error) {
    const { message } = toOptimizerError(error);
    return { use: [], silent: [{ member: host, reason: `it does not answer: ${message}` }] };
  }
}

function hostOf(connection: Connection): string {
  const { hosts = [] } = connection.getClient().options;
  return hosts.length > 0 ? hosts.join(",") : "the server";
}

/** Addresses of all members that hold data, of every shard. */
export async function memberHosts(connection: Connection): Promise<string[]> {
  const hello = (await databaseOf(connection).command({ hello: 1 })) as Document;
  if (hello.msg !== "isdbgrid") return [...dataHosts(hello, []), ...(await hiddenHosts(connection, hello))];
  const shards = await connection.getClient().db("config").collection("shards", primary).find().toArray();
  return dataHosts(hello, shards);
}

/** Hidden members, which may serve reports. Only the configuration of the set names them. */
async function hiddenHosts(connection: Connection, { setName }: Document): Promise<string[]> {
  if (setName === undefined) return [];
  const asked = databaseOf(connection).admin().command({ replSetGetConfig: 1 });
  // Without the privilege for it, hidden members are left out.
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

type Entries = [place: string, use: IndexUse][];
type Unread = Exclude<Reading<never>, { state: "known" }>;

interface CollectionUse {
  readonly collection: string;
  readonly reading: Reading<Entries>;
}

interface MemberAnswer {
  readonly use: Entries;
  readonly silent: readonly SilentMember[];
}

// Privileges may be of single collections: each is asked about for itself.
function useOn(db: mongo.Db, collections: readonly string[]): Promise<CollectionUse[]> {
  return mapLimited(collections, atOnce, async (collection) => ({
    collection,
    reading: await readGranted(db, () => useOf(db, collection)),
  }));
}

async function useOf(db: mongo.Db, collection: string): Promise<Entries> {
  const entries = await db
    .collection(collection, primary)
    .aggregate([{ $indexStats: {} }], ownWork)
    .toArray()
    .catch(absent);
  return entries.flatMap((entry): Entries => {
    const use = useOfEntry(entry);
    return use ? [[`${collection}.${entry.name}`, use]] : [];
  });
}

/** A member's answer, with the collections that it did not report, by reason. Pure. */
function answerOf(member: string, found: readonly CollectionUse[]): MemberAnswer {
  const silent = new Map<string, { about: SilentMember; collections: string[] }>();
  for (const { collection, reading } of found) {
    if (reading.state === "known") continue;
    const about = silentMember(member, reading);
    const known = silent.get(about.reason) ?? { about, collections: [] };
    known.collections.push(collection);
    silent.set(about.reason, known);
  }
  return {
    use: found.flatMap(({ reading }) => (reading.state === "known" ? reading.value : [])),
    silent: [...silent.values()].map(({ about, collections }) =>
      collections.length === found.length ? about : { ...about, collections },
    ),
  };
}

// The server's text of a refusal is the whole command; this names the member and the missing privilege.
const forbidden = "this user may not read $indexStats; grant it the role clusterMonitor";

function silentMember(member: string, unread: Unread): SilentMember {
  if (unread.state === "absent")
    return { member, reason: "it has no $indexStats for this connection", unsupported: true };
  return { member, reason: unread.state === "forbidden" ? forbidden : unread.reason };
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

function merged(answers: readonly Entries[]): Map<string, IndexUse[]> {
  const use = new Map<string, IndexUse[]>();
  for (const [place, entry] of answers.flat()) use.set(place, [...(use.get(place) ?? []), entry]);
  return use;
}
