import type { CollectionSize } from "../cleanup/report.js";
import type { DriftReport } from "../indexes/diff.js";
import type { RedundantIndex } from "../indexes/redundant.js";
import type { UnusedFinding } from "../indexes/unused.js";
import type { SlowOperations } from "../optimize/slow.js";

/** What a probe found, or why it found nothing: an unknown is never taken for a good answer. */
export type Probed<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly reason: string };

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
}

export interface CollectionFacts extends CollectionSize {
  readonly collection: string;
  readonly exists: boolean;
}

export interface IndexFacts {
  readonly drift: DriftReport;
  readonly redundant: readonly RedundantIndex[];
  readonly use: readonly UnusedFinding[];
}

export interface ServerFacts {
  readonly connections: number;
  /** Absent where the server does not say. */
  readonly connectionsAvailable?: number;
  /** Share of the storage engine's cache in use, 0 to 1; absent where the server does not say. */
  readonly cacheUsedRatio?: number;
  readonly uptimeSeconds: number;
}

export interface LongOperation {
  readonly opid: string;
  readonly operation: string;
  readonly namespace: string;
  readonly runningMs: number;
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
  readonly slow: SlowOperations;
  readonly longOperations: Probed<readonly LongOperation[]>;
}
