import { mongo } from "mongoose";

import type { EngineFlavor, EngineTopology, Privileged } from "../capabilities.js";

/** Facts that a running server reports about itself. */
export interface ServerFacts {
  readonly flavor: EngineFlavor;
  readonly topology: EngineTopology;
  readonly may: Privileged;
  /** The MongoDB version that the server presents, from `buildInfo`. */
  readonly version: string;
  /** Program and version for people and reports, such as `secantus-rs 0.5.3 (as MongoDB 8.2.11)`. */
  readonly description: string;
}

/** The part of a driver's `Db` that is needed to run commands. */
export interface CommandRunner {
  command(command: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/**
 * Connects, runs `act` on the `admin` database and closes the connection.
 *
 * @param timeoutMs bound for finding the server, where the connection string names none
 */
export async function withAdmin<T>(
  uri: string,
  timeoutMs: number,
  act: (admin: CommandRunner) => Promise<T>,
): Promise<T> {
  const client = new mongo.MongoClient(uri, {
    ...(uri.includes("serverSelectionTimeoutMS=") ? {} : { serverSelectionTimeoutMS: timeoutMs }),
    maxPoolSize: 1,
  });
  try {
    await client.connect();
    return await act(client.db("admin"));
  } finally {
    await client.close();
  }
}

/** Reads `hello`, `buildInfo` and the privileges of `connectionStatus`. */
export async function readServerFacts(admin: CommandRunner): Promise<ServerFacts> {
  const hello = await admin.command({ hello: 1 });
  const build = await admin.command({ buildInfo: 1 });
  const flavor = flavorOf(build);
  const version = String(build.version);
  return {
    flavor,
    topology: topologyOf(hello),
    may: privilegedBy(await admin.command({ connectionStatus: 1, showPrivileges: true })),
    version,
    description:
      flavor === "mongod"
        ? `mongod ${version}`
        : `${flavor} ${String(build.secantusVersion)} (as MongoDB ${version})`,
  };
}

function flavorOf(build: Record<string, unknown>): EngineFlavor {
  if (build.secantusVersion === undefined) return "mongod";
  const environment = build.buildEnvironment as { cc?: unknown } | undefined;
  return environment?.cc === "rustc" ? "secantus-rs" : "secantus-py";
}

function topologyOf(hello: Record<string, unknown>): EngineTopology {
  if (hello.msg === "isdbgrid") return "sharded";
  return typeof hello.setName === "string" ? "replica-set" : "standalone";
}

interface Privilege {
  readonly resource: Record<string, unknown>;
  readonly actions: readonly string[];
}

/**
 * The connection's privileges on the databases that tests make, and on the cluster. The server lists no privileges for a
 * client that has not authenticated: it may do everything where access control is off; where access control is on, even
 * `buildInfo` is refused.
 *
 * @see https://www.mongodb.com/docs/manual/reference/command/connectionStatus/
 */
function privilegedBy({ authInfo }: Record<string, unknown>): Privileged {
  const { authenticatedUsers = [], authenticatedUserPrivileges = [] } = (authInfo ?? {}) as {
    authenticatedUsers?: readonly unknown[];
    authenticatedUserPrivileges?: readonly Privilege[];
  };
  if (authenticatedUsers.length === 0) return () => true;
  const everywhere = authenticatedUserPrivileges.filter(
    ({ resource: { cluster, anyResource, db, collection } }) =>
      cluster === true || anyResource === true || (db === "" && collection === ""),
  );
  const actions = new Set(everywhere.flatMap(({ actions }) => actions));
  return (action) => actions.has(action) || actions.has("anyAction");
}
