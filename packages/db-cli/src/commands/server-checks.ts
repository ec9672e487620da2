// Checks of doctor on the connection: the versions at both ends, and the privileges.
import { toOptimizerError } from "@org/db-optimizer";
import type { Connection } from "mongoose";

/** One thing that was checked. */
export interface Check {
  readonly name:
    | "configuration"
    | "mongoose"
    | "models"
    | "declarations"
    | "connection"
    | "privileges"
    | "database"
    | "cleanup";
  readonly state: "ok" | "wrong" | "unknown";
  readonly message: string;
}

/** Whether the project's Mongoose is the one that org-db is for: another reads schemas and writes BSON in another way. */
export function checkMongoose({ base }: { readonly base?: { readonly version?: string } }): Check {
  const version = base?.version ?? "of an unknown version";
  return Number.parseInt(version, 10) === mongooseMajor
    ? { name: "mongoose", state: "ok", message: version }
    : {
        name: "mongoose",
        state: "wrong",
        message: `the project has Mongoose ${version}, and org-db is for Mongoose ${mongooseMajor}`,
      };
}

const mongooseMajor = 9;
const oldestServer = 6;

/** The server that was reached, and whether it is new enough. */
export async function checkConnection(connection: Connection): Promise<Check> {
  try {
    const { version } = await adminCommand(connection, { buildInfo: 1 });
    const hello = await adminCommand(connection, { hello: 1 });
    const kind =
      hello.msg === "isdbgrid"
        ? "sharded cluster"
        : hello.setName
          ? `replica set ${String(hello.setName)}`
          : "standalone server";
    const name = connection.db?.databaseName;
    const what = `MongoDB ${String(version)}, ${kind}, database ${name}`;
    return Number.parseInt(String(version), 10) < oldestServer
      ? { name: "connection", state: "wrong", message: `${what}: org-db needs MongoDB ${oldestServer}.0` }
      : { name: "connection", state: "ok", message: what };
  } catch (error) {
    return { name: "connection", state: "unknown", message: toOptimizerError(error).message };
  }
}

const onDatabase = [
  "find",
  "insert",
  "update",
  "remove",
  "createCollection",
  "createIndex",
  "collMod",
  "dropIndex",
  "listCollections",
  "listIndexes",
  "collStats",
  "indexStats",
];
const onCluster = ["serverStatus", "replSetGetStatus", "inprog"];

/**
 * Privileges that the commands use and the user lacks.
 *
 * See https://www.mongodb.com/docs/manual/reference/command/connectionStatus/
 */
export async function checkPrivileges(connection: Connection): Promise<Check> {
  const name = "privileges";
  try {
    const { authInfo } = await adminCommand(connection, { connectionStatus: 1, showPrivileges: true });
    const { authenticatedUsers = [], authenticatedUserPrivileges = [] } = (authInfo ?? {}) as AuthInfo;
    if (authenticatedUsers.length === 0)
      return {
        name,
        state: "ok",
        message: "not logged in: the server grants its rights without a login",
      };
    const database = connection.db?.databaseName ?? "";
    const allowed = (action: string, cluster: boolean) =>
      authenticatedUserPrivileges.some(
        ({ resource, actions }) => actions.includes(action) && covers(resource, database, cluster),
      );
    const lacking = [
      ...onDatabase.filter((action) => !allowed(action, false)),
      ...onCluster.filter((action) => !allowed(action, true)),
    ];
    return lacking.length === 0
      ? { name, state: "ok", message: "all that the commands use" }
      : {
          name,
          state: "unknown",
          message: `the user lacks ${lacking.join(", ")}: commands that need them say so`,
        };
  } catch (error) {
    return { name, state: "unknown", message: toOptimizerError(error).message };
  }
}

interface AuthInfo {
  readonly authenticatedUsers?: readonly unknown[];
  readonly authenticatedUserPrivileges?: readonly {
    readonly resource: Resource;
    readonly actions: readonly string[];
  }[];
}

interface Resource {
  readonly db?: string;
  readonly collection?: string;
  readonly cluster?: boolean;
  readonly anyResource?: boolean;
}

function covers(
  { db, collection, cluster, anyResource }: Resource,
  database: string,
  ofCluster: boolean,
): boolean {
  if (anyResource) return true;
  return ofCluster ? cluster === true : (db === "" || db === database) && (collection ?? "") === "";
}

async function adminCommand(connection: Connection, command: object): Promise<Record<string, unknown>> {
  return (await connection.db?.admin().command(command as never)) ?? {};
}
