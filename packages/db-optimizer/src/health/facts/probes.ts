// Runs the probes of a health check.
import type { Connection, mongo } from "mongoose";
import { asStored } from "../../core/bson/exact.js";
import type { OptimizerError } from "../../core/errors.js";
import { mapLimited } from "../../core/limited.js";
import { collectionNames, type Document, type ModelLike, modelsOf } from "../../core/model.js";
import type { NamedQuery } from "../../core/named-query.js";
import { collectionSize } from "../../core/server/collection-size.js";
import { databaseOf } from "../../core/server/database.js";
import type { Reading } from "../../core/server/figure.js";
import { summarise } from "../../core/server/latency.js";
import { primary } from "../../core/server/own-collection.js";
import { ownWork } from "../../core/server/own-work.js";
import type { ParsedThresholds } from "../../core/thresholds.js";
import type { ActualCollection, ActualIndex } from "../../indexes/inspect.js";
import { type MemberUse, readIndexUse } from "../../indexes/observe/member-use.js";
import { readDrift } from "../../indexes/plan/read-plan.js";
import { redundancyOf } from "../../indexes/plan/redundant.js";
import { judgeUse, type UnusedFinding } from "../../indexes/plan/unused.js";
import { readShardKeys, type ShardKeys, supportsShardKey } from "../../indexes/shard-keys.js";
import { admitsOneDocument } from "../../indexes/unknown-fields.js";
import { countSlow, slowOperations } from "../../queries/slow.js";
import { declaredCollections } from "../../setup/collections.js";
import { planCollections } from "../../setup/plan-collections.js";
import type { HealthCheck } from "../checks.js";
import { probeDeep } from "./deep.js";
import type {
  CollectionFacts,
  ConnectionFacts,
  DeepFacts,
  HealthFacts,
  IndexFacts,
  LongOperation,
  OperationCount,
  TopologyFacts,
} from "./facts.js";
import { lastCounted, readWeekAgo } from "./kept.js";
import { probeProcessor } from "./processor.js";
import { membersSeen, probeReplication, probeShards } from "./replication.js";
import { probeSecurity } from "./security.js";
import { probeServer } from "./server.js";
import { type Each, probed, type Within } from "./within.js";

const pings = 10;
const atOnce = 4;

/** Input of a health check besides the models. */
export interface ProbeInput {
  readonly now: Date;
  readonly thresholds: ParsedThresholds;
  readonly queries: readonly NamedQuery[];
  readonly checks: readonly HealthCheck[];
  /** Facts that a recent check found by reading data. */
  readonly deep?: DeepFacts | undefined;
  /** Facts of the previous check. */
  readonly previous?: HealthFacts | undefined;
}

/**
 * Asks the server everything that health goes by. A probe that the server refuses, or that takes too long, leaves its
 * part unknown; only a server that can't be reached at all ends the check.
 */
export async function probeHealth(
  connection: Connection,
  given: readonly ModelLike[],
  input: ProbeInput,
): Promise<HealthFacts> {
  const { now, thresholds, queries, checks, deep, previous } = input;
  const db = databaseOf(connection);
  const { own: models, faults } = modelsOf(connection, given);
  const within: Within = (doing, probe) => probed(db, doing, probe, thresholds.probeTimeoutMs);
  return {
    database: db.databaseName,
    at: now,
    processor: await within("processor", () =>
      probeProcessor(db, previous?.processor.known ? previous.processor.value.reading : undefined),
    ),
    connection: await within("ping", () => probeConnection(db)),
    topology: await within("topology", () => probeTopology(db)),
    replication: seenSince(await within("replication", () => probeReplication(db, within)), previous, now),
    security: await probeSecurity(connection, within),
    collections: await within("collection sizes", (each) => probeCollections(db, models, each)),
    indexes: await within("indexes", () => probeIndexes(connection, models, { now, thresholds, faults })),
    server: await within("server status", async () =>
      probeServer(db, await countedBefore(db, previous, now)),
    ),
    ...(await probeSlow(connection, input, within)),
    longOperations: await within("running operations", () =>
      probeLongOperations(db, thresholds.longOperationMs),
    ),
    weekAgo: await within("this hour a week ago", () => readWeekAgo(db, now)),
    deep: deep ?? (await probeDeep(connection, { models, queries, checks, thresholds, now }, within)),
  };
}

// How long a member has been as it is nobody tells but an earlier check.
function seenSince(
  replication: HealthFacts["replication"],
  previous: HealthFacts | undefined,
  now: Date,
): HealthFacts["replication"] {
  if (!replication.known || !previous?.replication.known) return replication;
  const betweenMs = now.getTime() - previous.at.getTime();
  const members = membersSeen(replication.value.members, previous.replication.value.members, betweenMs);
  return { known: true, value: { ...replication.value, members } };
}

function countedBefore(
  db: mongo.Db,
  previous: HealthFacts | undefined,
  now: Date,
): OperationCount | undefined | Promise<OperationCount | undefined> {
  if (previous?.server.known) return previous.server.value.counted;
  // Who may not read what was kept is told so of the hour a week ago, and is still told the rest.
  return lastCounted(db, now).catch(() => undefined);
}

const hourMs = 3_600_000;

// The profiler's records. Whether it runs at all may be unknown.
async function probeSlow(
  connection: Connection,
  { now, thresholds: { slowOperationMs } }: ProbeInput,
  within: Within,
): Promise<Pick<HealthFacts, "slow" | "slowInHour">> {
  const probe = await within("slow operations", () => slowOperations(connection, slowOperationMs));
  const slow = probe.known ? probe.value : probe;
  if (!slow.known || !slow.profiling) return { slow };
  const since = new Date(now.getTime() - hourMs);
  const count = await within("slow operations", () => countSlow(connection, slowOperationMs, since));
  return { slow, ...(count.known && { slowInHour: count.value }) };
}

async function probeConnection(db: mongo.Db): Promise<ConnectionFacts> {
  const times: number[] = [];
  for (let round = 0; round < pings; round++) {
    const started = performance.now();
    await db.command({ ping: 1 });
    times.push(performance.now() - started);
  }
  const { p50, p95 } = summarise(times);
  return { pingP50Ms: p50 ?? 0, pingP95Ms: p95 ?? 0 };
}

async function probeTopology(db: mongo.Db): Promise<TopologyFacts> {
  const hello = await db.command({ hello: 1 });
  const { version } = await db.command({ buildInfo: 1 });
  const kind = hello.msg === "isdbgrid" ? "sharded" : hello.setName ? "replica_set" : "standalone";
  return {
    kind,
    version: String(version),
    ...(hello.setName && { setName: String(hello.setName) }),
    // Arbiters are named apart; passives hold data.
    members: Math.max((hello.hosts?.length ?? 0) + (hello.passives?.length ?? 0), 1),
    writablePrimary: hello.isWritablePrimary === true,
    ...(kind === "sharded" && (await probeShards(db))),
  };
}

async function probeCollections(
  db: mongo.Db,
  models: readonly ModelLike[],
  each: Each,
): Promise<CollectionFacts[]> {
  const existing = new Set(
    (await db.listCollections({}, { nameOnly: true, ...primary }).toArray()).map(({ name }) => name),
  );
  const sizes = await mapLimited(collectionNames(models), atOnce, (collection) =>
    each(`size of ${collection}`, async () => ({
      collection,
      exists: existing.has(collection),
      ...(await collectionSize(db, collection)),
    })),
  );
  return sizes.flat();
}

async function probeIndexes(
  connection: Connection,
  models: readonly ModelLike[],
  { now, thresholds, faults }: { now: Date; thresholds: ParsedThresholds; faults: readonly OptimizerError[] },
): Promise<IndexFacts> {
  const { drift, collections, faults: ofIndexes } = await readDrift(connection, models);
  const declared = declaredCollections(models);
  const { faults: ofCollections } = planCollections(declared.collections, collections, "off");
  const shardKeys = await readShardKeys(connection);
  const countable = collections.filter(({ exists, type }) => exists && type === "collection");
  const members = await readIndexUse(
    connection,
    countable.map(({ collection }) => collection),
  );
  return {
    drift,
    faults: [...faults, ...ofIndexes, ...declared.faults, ...ofCollections].map(
      ({ code, message, details }) => ({
        code,
        message,
        ...(typeof details.collection === "string" && { subject: details.collection }),
      }),
    ),
    ...redundancyOf(collections, shardKeys),
    silent: members.silent,
    unfilled: collections.flatMap(({ indexes }) =>
      indexes.filter((index) => admitsOneDocument(models, index)),
    ),
    use: countable.flatMap((found) =>
      useOf(found, members, { extra: drift.extra, shardKeys }, now, thresholds),
    ),
  };
}

function useOf(
  { collection, indexes }: ActualCollection,
  { use, silent }: MemberUse,
  { extra, shardKeys }: { extra: readonly ActualIndex[]; shardKeys: Reading<ShardKeys> },
  now: Date,
  { unusedIndexDays }: ParsedThresholds,
): UnusedFinding[] {
  const silentOn = silent.filter(({ collections }) => collections?.includes(collection) ?? true).length;
  return indexes.map((index) => {
    const entries = use.get(`${collection}.${index.name}`) ?? [];
    return judgeUse({
      index,
      use: entries,
      members: entries.length + silentOn,
      // Declared under another name, it is declared.
      declared: !extra.includes(index),
      shardKey: mayNeed(index, shardKeys),
      now,
      minimumAgeDays: unusedIndexDays,
    });
  });
}

function mayNeed(index: ActualIndex, shardKeys: Reading<ShardKeys>): boolean | "unknown" {
  if (shardKeys.state !== "known") return "unknown";
  const shardKey = shardKeys.value.get(index.collection);
  return shardKey !== undefined && supportsShardKey(index, shardKey);
}

async function probeLongOperations(db: mongo.Db, longMs: number): Promise<LongOperation[]> {
  const { inprog } = await db
    .admin()
    .command({ currentOp: 1, active: true, secs_running: { $gte: longMs / 1_000 } }, asStored);
  return (inprog as Document[])
    .filter(({ command }) => (command as Document | undefined)?.comment !== ownWork.comment)
    .filter(({ ns }) => String(ns).startsWith(`${db.databaseName}.`))
    .map(longOperation);
}

function longOperation({ opid, op, ns, secs_running: seconds, command }: Document): LongOperation {
  const { createIndexes, indexes } = (command ?? {}) as Document;
  const names = (Array.isArray(indexes) ? indexes : []).map((index: Document) => String(index.name));
  // A build that outlives its command has the database's own namespace or that of its commands.
  const namespace = createIndexes === undefined ? String(ns) : `${String(ns).split(".")[0]}.${createIndexes}`;
  return {
    opid: String(opid),
    operation: String(op),
    namespace,
    runningMs: Number(seconds) * 1_000,
    ...(createIndexes !== undefined && { builds: names }),
  };
}
