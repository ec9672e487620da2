// The facts of a health check.
import type { OptimizerErrorCode } from "../../core/error-codes.js";
import type { CollectionSize } from "../../core/server/collection-size.js";
import type { ActualIndex } from "../../indexes/inspect.js";
import type { SilentMember } from "../../indexes/observe/member-use.js";
import type { DriftReport } from "../../indexes/plan/diff.js";
import type { Redundancy } from "../../indexes/plan/redundant.js";
import type { UnusedFinding } from "../../indexes/plan/unused.js";
import type { SlowOperations } from "../../queries/slow.js";
import type { SchemaSample } from "../../setup/sample-schema.js";
import type { SampleShape } from "../../storage/shape.js";
import type { QueryProblem } from "../../workload/judge.js";
import type { LookupFacts } from "../../workload/lookups.js";
import type { CheckFacts } from "../checks.js";
import type { HealthFigure } from "./measures.js";
import type { Probed } from "./within.js";

export type Topology = "standalone" | "replica_set" | "sharded";

export interface ConnectionFacts {
  readonly pingP50Ms: number;
  readonly pingP95Ms: number;
}

export interface TopologyFacts {
  readonly kind: Topology;
  readonly version: string;
  readonly setName?: string;
  /** Data-bearing members that the server names. */
  readonly members: number;
  readonly writablePrimary: boolean;
  /** Of a sharded cluster. */
  readonly shards?: number;
  /** Of a sharded cluster: whether chunks are moved to even shards out. */
  readonly balancing?: boolean;
}

/** One member of a replica set, as the member that was asked sees it. */
export interface MemberFacts {
  readonly name: string;
  /** `PRIMARY`, `SECONDARY`, `ARBITER` or what is wrong with it. */
  readonly state: string;
  /** Behind the primary, beyond a delay that it is configured to have, ms; absent where nobody can tell. */
  readonly lagMs?: number;
  /** Since the last heartbeat of a member that does not answer, ms. */
  readonly silentMs?: number;
  /** For how long checks, one after the other, have seen it in this state, ms; the server itself keeps no such time. */
  readonly seenMs?: number;
}

export interface ReplicationFacts {
  /** None on a standalone server, and none through a router. */
  readonly members: readonly MemberFacts[];
  /** Time that the oplog reaches back, hours. */
  readonly oplogHours: Probed<number>;
}

export interface GrantedRole {
  readonly role: string;
  readonly db: string;
}

/** The options that the server was started with. */
export interface ServerSettings {
  readonly boundTo: readonly string[];
  readonly tlsMode: string;
  readonly authorization: boolean;
}

export interface SecurityFacts {
  /** The user of this connection; `null`: not logged in. */
  readonly user: Probed<{ readonly name: string | null; readonly roles: readonly GrantedRole[] }>;
  readonly settings: Probed<ServerSettings>;
  /** Whether the server requires clients to log in. */
  readonly authentication: Probed<boolean>;
  readonly transport: { readonly tls: boolean; readonly verified: boolean; readonly loopback: boolean };
}

/** How sampled documents of a collection stand to its schema, and what they look like. */
export interface SampleFacts extends SchemaSample {
  readonly shape: SampleShape;
}

/** How a named query is served. */
export interface QueryFacts {
  readonly query: string;
  readonly collection: string;
  readonly problems: readonly QueryProblem[];
  readonly examinedPerReturned: number;
  readonly keysPerReturned: number;
  readonly indexes: readonly string[];
  /** Why it could not be explained. */
  readonly failure?: string;
}

/** How fast a collection grows, told from the moments in its `_id`s. */
export interface GrowthFacts {
  readonly collection: string;
  readonly documents: number;
  readonly dataBytes: number;
  /** Documents made per day that are still there; `null` where `_id` tells no time. */
  readonly perDay: number | null;
  /** The time that was looked at, days. */
  readonly overDays: number;
  /** A TTL index removes its documents again, so what is made per day does not add up. */
  readonly expires: boolean;
}

export interface CollectionFacts extends CollectionSize {
  readonly collection: string;
  readonly exists: boolean;
}

/** Something wrong with what models declare. */
interface DeclarationFault {
  readonly code: OptimizerErrorCode;
  readonly message: string;
  /** The collection; absent for more than one. */
  readonly subject?: string;
}

export interface IndexFacts extends Redundancy {
  readonly drift: DriftReport;
  /** Declarations that cannot be carried out, and so are compared with nothing. */
  readonly faults?: readonly DeclarationFault[];
  readonly use: readonly UnusedFinding[];
  /** Unique indexes on fields that no schema has: the server refuses a second document of Mongoose's. */
  readonly unfilled?: readonly ActualIndex[];
  /** Members that did not say how their indexes are used. */
  readonly silent: readonly SilentMember[];
}

export interface ServerFacts {
  readonly connections: number;
  /** Absent where the server does not say. */
  readonly connectionsAvailable?: number;
  /** Share of the storage engine's cache in use, 0 to 1; absent where the server does not say. */
  readonly cacheUsedRatio?: number;
  /** Share of the cache that is changed and not yet written, 0 to 1. */
  readonly cacheDirtyRatio?: number;
  /** Share of page requests that the cache answered since the server started, 0 to 1. */
  readonly cacheHitRatio?: number;
  /** Operations that wait for a ticket or a lock; absent where the server does not say. */
  readonly queued?: number;
  /** Transactions that are open and at nothing; absent where the server does not say. */
  readonly idleTransactions?: number;
  readonly uptimeSeconds: number;
  /** Absent where the server does not say. */
  readonly counted?: OperationCount;
  /** Since they were last counted; absent where they had not been, or the server was another one. */
  readonly operationsPerSecond?: number;
}

/** Inserts, queries, updates and deletes of a server since it started. */
export interface OperationCount {
  readonly operations: number;
  /** When the server started: what another one counted, or the same before it started again, is no beginning. */
  readonly startedAt: Date;
  readonly upMs: number;
}

/** Processor time of the server process at a moment, both since it started. */
export interface ProcessorReading {
  readonly usedMs: number;
  readonly upMs: number;
}

/** How busy the server process keeps the processors of its machine; what else runs there does not show. */
export interface ProcessorFacts {
  /** Share of what the processors can do, 0 to 1. */
  readonly usedRatio: number;
  readonly processors: number;
  /** The time that was looked at, ms. */
  readonly overMs: number;
  readonly reading: ProcessorReading;
}

export interface LongOperation {
  /** A number of a member; through a router the shard and its number. */
  readonly opid: string;
  readonly operation: string;
  readonly namespace: string;
  readonly runningMs: number;
  /** Names of the indexes that it builds. Absent for any other operation. */
  readonly builds?: readonly string[];
}

/** Everything that the probes of one health check found. */
export interface HealthFacts {
  readonly database: string;
  readonly at: Date;
  readonly connection: Probed<ConnectionFacts>;
  readonly topology: Probed<TopologyFacts>;
  readonly collections: Probed<readonly CollectionFacts[]>;
  readonly indexes: Probed<IndexFacts>;
  readonly server: Probed<ServerFacts>;
  readonly processor: Probed<ProcessorFacts>;
  readonly slow: SlowOperations;
  /** Slow operations that the profiler recorded in the last hour, as far as it reaches back; absent where it is off. */
  readonly slowInHour?: number;
  readonly longOperations: Probed<readonly LongOperation[]>;
  readonly replication: Probed<ReplicationFacts>;
  readonly security: SecurityFacts;
  /** The kept figures of the check at this hour a week ago. */
  readonly weekAgo: Probed<KeptHealth>;
  readonly deep: DeepFacts;
}

/** Facts that need data to be read: a watch refreshes them less often. */
export interface DeepFacts {
  readonly at: Date;
  /** Of the collections that a validator can be derived for. */
  readonly schemas: Probed<readonly SampleFacts[]>;
  /** Joins in aggregations that the profiler recorded. */
  readonly lookups: Probed<readonly LookupFacts[]>;
  readonly queries: Probed<readonly QueryFacts[]>;
  readonly growth: Probed<readonly GrowthFacts[]>;
  readonly checks: readonly CheckFacts[];
}

/** The figures that are kept of a check. */
export interface KeptHealth {
  /** Sorts by time. */
  readonly _id: string;
  readonly at: Date;
  readonly score: number;
  readonly figures: readonly HealthFigure[];
  /** Where the server tells it. */
  readonly counted?: OperationCount;
}
