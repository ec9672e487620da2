import { mongo } from "mongoose";

import type { Play, PlayedCommand } from "./front.js";

type Document = mongo.Document;

const { Int32 } = mongo.BSON;

/** A refusal as MongoDB sends one. */
function refusal(code: number, codeName: string, errmsg: string): Document {
  return { ok: 0, errmsg, code: new Int32(code), codeName };
}

/**
 * Privileges of a user with `readWriteAnyDatabase` and `dbAdminAnyDatabase`, shortened to the actions that tests need.
 * None is `indexStats`, `serverStatus`, `replSetGetStatus`, `inprog` or `hostInfo`: those are of `clusterMonitor`.
 * https://www.mongodb.com/docs/manual/reference/built-in-roles/
 */
const privileges = [
  { resource: { cluster: true }, actions: ["applyOps", "listDatabases"] },
  {
    resource: { db: "", collection: "" },
    actions: [
      "collMod",
      "createIndex",
      "dropIndex",
      "enableProfiler",
      "find",
      "insert",
      "planCacheRead",
      "remove",
    ],
  },
  { resource: { db: "", collection: "system.profile" }, actions: ["find", "dropCollection"] },
];

// The command as the user sent it is told too, which nothing reads.
const unauthorized = (database: unknown, what: string) =>
  refusal(13, "Unauthorized", `not authorized on ${String(database)} to execute command { ${what} }`);

const forbidden: PlayedCommand = {
  answer: (command) => unauthorized(command.$db, `${Object.keys(command)[0]}: 1`),
};

/** Reads of `local` and `config` are not of readWriteAnyDatabase. */
const ofOwnDatabases: PlayedCommand = {
  answer: ({ $db, ...command }) =>
    ["local", "config"].includes($db) ? unauthorized($db, Object.keys(command)[0] ?? "") : undefined,
};

const stagesOfCluster = ["$indexStats", "$currentOp"];

const limitedUser: Play = {
  connectionStatus: {
    answer: () => ({
      authInfo: {
        authenticatedUsers: [{ user: "tests", db: "admin" }],
        authenticatedUserRoles: ["readWriteAnyDatabase", "dbAdminAnyDatabase"].map((role) => ({
          role,
          db: "admin",
        })),
        authenticatedUserPrivileges: privileges,
      },
      ok: 1,
    }),
  },
  ...Object.fromEntries(
    [
      ["serverStatus", "replSetGetStatus", "replSetGetConfig", "currentOp", "hostInfo", "getCmdLineOpts"],
      [
        "getLog",
        "getParameter",
        "setParameter",
        "connPoolStats",
        "top",
        "fsync",
        "shutdown",
        "replSetInitiate",
      ],
      ["configureFailPoint", "usersInfo", "rolesInfo", "createUser"],
    ]
      .flat()
      .map((name) => [name, forbidden]),
  ),
  aggregate: {
    answer: (command) => {
      const stage = stagesOfCluster.find((name) => command.pipeline?.[0]?.[name]);
      return stage ? unauthorized(command.$db, `aggregate: ${stage}`) : ofOwnDatabases.answer?.(command);
    },
  },
  find: ofOwnDatabases,
};

const shard = "shard2";

/** One shard's answer, as mongos forwards it. */
const raw: PlayedCommand = {
  change: (reply) =>
    Number(reply.ok) === 1 ? { raw: { [`${shard}/127.0.0.1:27119`]: reply }, ok: 1 } : reply,
};

const isdbgrid: PlayedCommand = {
  change: ({
    setName,
    setVersion,
    hosts,
    primary,
    me,
    secondary,
    electionId,
    topologyVersion,
    lastWrite,
    ...rest
  }) => ({
    ...rest,
    msg: "isdbgrid",
  }),
};

// https://www.mongodb.com/docs/manual/reference/explain-results/#sharded-collection
function explainedByShard({ queryPlanner, executionStats, ...rest }: Document): Document {
  if (!queryPlanner || Number(rest.ok) !== 1)
    return { ...rest, ...(queryPlanner ? { queryPlanner, executionStats } : {}) };
  const { winningPlan, ...planner } = queryPlanner;
  const stage = { stage: "SINGLE_SHARD" };
  const stats = executionStats && {
    nReturned: executionStats.nReturned,
    executionTimeMillis: executionStats.executionTimeMillis,
    totalKeysExamined: executionStats.totalKeysExamined,
    totalDocsExamined: executionStats.totalDocsExamined,
    executionStages: { ...stage, shards: [{ shardName: shard, ...executionStats }] },
  };
  return {
    queryPlanner: { winningPlan: { ...stage, shards: [{ shardName: shard, ...planner, winningPlan }] } },
    ...(stats ? { executionStats: stats } : {}),
    ...rest,
  };
}

const mongos: Play = {
  hello: isdbgrid,
  isMaster: isdbgrid,
  ismaster: isdbgrid,
  // https://www.mongodb.com/docs/manual/reference/command/profile/#compatibility: mongos has no profiler.
  profile: {
    answer: ({ profile }) =>
      Number(profile) > 0
        ? refusal(2, "BadValue", "Profiling is not permitted on mongoS: the level must be 0")
        : { was: 0, slowms: 100, sampleRate: 1, ok: 1 },
  },
  replSetGetStatus: {
    answer: () => ({ ok: 0, errmsg: "replSetGetStatus is not supported through mongos" }),
  },
  serverStatus: {
    change: ({ repl, oplog, globalLock, locks, wiredTiger, flowControl, queues, ...rest }) => ({
      ...rest,
      process: "mongos",
    }),
  },
  currentOp: {
    change: ({ inprog, ...rest }) => ({
      ...rest,
      inprog: inprog?.map((operation: Document) => ({ ...operation, opid: `${shard}:${operation.opid}` })),
    }),
  },
  createIndexes: raw,
  dropIndexes: raw,
  collMod: raw,
  explain: { change: explainedByShard },
};

const plays: Readonly<Record<string, Play>> = { "limited-user": limitedUser, mongos };

/** A server that no engine here can be: `limited-user` or `mongos`. */
export function playNamed(name: string): Play {
  const play = Object.hasOwn(plays, name) ? plays[name] : undefined;
  if (play) return play;
  throw new Error(`ORG_DB_TEST_PLAY is ${name}, but must be ${Object.keys(plays).join(" or ")}`);
}
