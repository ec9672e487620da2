/** The server program behind a connection string. */
export type EngineFlavor = "mongod" | "secantus-rs" | "secantus-py";

export type EngineTopology = "standalone" | "replica-set" | "sharded";

/**
 * The abilities in which the engines that dev-kit starts differ. Those that all of them have as MongoDB documents them
 * (`explain("executionStats")`, `prepareUnique`, partial indexes) are not listed.
 */
export interface EngineCapabilities {
  /** Multi-document transactions. */
  readonly transactions: boolean;
  /** Change streams on a collection, a database or the deployment. */
  readonly changeStreams: boolean;
  /** `hidden: true` hides an index from the planner. */
  readonly hiddenIndexes: boolean;
  /** Hashed, text and other special index types can be built. */
  readonly specialIndexes: boolean;
  /** An index with the keys of another one, but other options, is refused. */
  readonly indexConflicts: boolean;
  /** `$indexStats` counts the uses of an index. */
  readonly indexStats: boolean;
  /** `collStats` reports bytes on disk and bytes free for reuse. */
  readonly collStatsPhysicalSizes: boolean;
  /** `profile` records operations into `system.profile`, which mongos has not. */
  readonly profiler: boolean;
  /** `system.profile` entries carry `docsExamined`, `keysExamined` and `planSummary`. */
  readonly profilerExecStats: boolean;
  /** `$planCacheStats` is known. */
  readonly planCacheStats: boolean;
  /** `serverStatus` reports `flowControl` and `queues`. */
  readonly queueMetrics: boolean;
  /** `compact` gives bytes back to the operating system. */
  readonly compact: boolean;
  /** A range read stops after `limit` keys. */
  readonly boundedScans: boolean;
  /** The user may ask for `serverStatus`, `replSetGetStatus`, `hostInfo`, `getCmdLineOpts` and all of `currentOp`. */
  readonly clusterMonitoring: boolean;
  /** `replSetGetStatus` tells of the members, which mongos does not. */
  readonly memberStates: boolean;
}

/** The name of one capability, as `needs()` takes it. */
export type EngineCapability = keyof EngineCapabilities;

/** Whether the user who asks has the privilege for an action, such as `serverStatus`, wherever tests need it. */
export type Privileged = (action: string) => boolean;

/** Privileges of `clusterMonitor` on the cluster: https://www.mongodb.com/docs/manual/reference/built-in-roles/ */
const monitoring = ["serverStatus", "replSetGetStatus", "inprog", "hostInfo", "getCmdLineOpts"];

/** The capabilities of a server program in a topology, for a user with such privileges. */
export function capabilitiesOf(
  flavor: EngineFlavor,
  topology: EngineTopology,
  may: Privileged = () => true,
): EngineCapabilities {
  const mongod = flavor === "mongod";
  const faithful = flavor !== "secantus-py";
  const replicated = topology !== "standalone";
  return {
    transactions: replicated,
    changeStreams: replicated,
    hiddenIndexes: faithful,
    specialIndexes: mongod,
    indexConflicts: mongod,
    indexStats: faithful && may("indexStats"),
    collStatsPhysicalSizes: mongod,
    profiler: topology !== "sharded" && may("enableProfiler"),
    profilerExecStats: mongod && topology !== "sharded" && may("enableProfiler"),
    planCacheStats: mongod,
    queueMetrics: mongod && topology !== "sharded" && may("serverStatus"),
    compact: mongod,
    boundedScans: mongod,
    clusterMonitoring: monitoring.every(may),
    memberStates: topology === "replica-set" && may("replSetGetStatus"),
  };
}
