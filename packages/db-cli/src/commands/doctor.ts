import {
  type CleanupRule,
  type OptimizerError,
  planSetup,
  type SetupPlan,
  toOptimizerError,
} from "@org/db-optimizer";
import { checkCleanupRules } from "@org/db-optimizer/cleanup";
import type { Connection } from "mongoose";

import type { Command } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import { nextOf } from "../next-command.js";
import { plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { type SelectionOptions, selectModels } from "../select-models.js";
import { faultData, leastValidation } from "./plan.js";

/** One thing that was checked. */
interface Check {
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

/** `org-db doctor`: whether the configuration, its models and the connection are fit for the other commands. Writes nothing. */
export const doctor: Command<SelectionOptions> = async (context, selection) => {
  const { connection, config, paint } = context;
  const models = selectModels(context.models, selection);
  const queries = await context.queries();
  const read = await planSetup(connection, models, leastValidation(config.validation)).catch(
    (error: unknown) => toOptimizerError(error, "Cannot compare the models with the database"),
  );
  const privileges = await checkPrivileges(connection);
  const collections = new Set(models.map(({ collection }) => collection.collectionName));
  const checks: Check[] = [
    {
      name: "configuration",
      state: "ok",
      message: `${plural(queries.length, "named query", "named queries")}, ${plural(config.cleanup.length, "cleanup rule")}, ${plural(config.migrations.length, "migration")}`,
    },
    checkMongoose(connection),
    {
      name: "models",
      state: "ok",
      message: `${plural(models.length, "model")} of ${plural(collections.size, "collection")}`,
    },
    await checkConnection(connection),
    privileges,
    ...stateChecks(read),
    ...(await checkCleanup(connection, config.cleanup)),
  ];
  const next = nextCommand(read, checks, selection);
  return {
    exitCode: exitCodeOf(read, checks),
    data: { checks, faults: "faults" in read ? read.faults.map(faultData) : [], next },
    text: `${checks.map((check) => checkText(check, paint)).join("")}\nNext: ${paint("bold", next)}\n`,
  };
};

type Read = SetupPlan | OptimizerError;

function stateChecks(read: Read): Check[] {
  if (!("faults" in read))
    return [{ name: "database", state: "unknown", message: `${read.message} (${read.code})` }];
  const { faults, collections, indexes } = read;
  const steps = collections.length + indexes.steps.length;
  return [
    ...(faults.length === 0
      ? [{ name: "declarations", state: "ok", message: "no contradiction" } as const]
      : faults.map(({ message }): Check => ({ name: "declarations", state: "wrong", message }))),
    {
      name: "database",
      state: steps === 0 ? "ok" : "wrong",
      message: steps === 0 ? "as the models declare" : `${plural(steps, "step")} behind the models`,
    },
  ];
}

async function checkCleanup(connection: Connection, rules: readonly CleanupRule[]): Promise<Check[]> {
  if (rules.length === 0) return [];
  const name = "cleanup";
  try {
    await checkCleanupRules(connection, rules);
    return [{ name, state: "ok", message: `${plural(rules.length, "rule")} can be carried out` }];
  } catch (error) {
    const { code, message } = toOptimizerError(error);
    const state = ruleFaults.includes(code) ? "wrong" : "unknown";
    return message.split(/\n(?=Cleanup rule )/).map((line): Check => ({ name, state, message: line }));
  }
}

const ruleFaults: readonly string[] = ["INVALID_RULE", "RULE_NEEDS_INDEX", "ARCHIVE_FAILED"];

// Another version reads schemas and writes BSON in another way, which nobody has tried.
function checkMongoose({ base }: { readonly base?: { readonly version?: string } }): Check {
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

async function checkConnection(connection: Connection): Promise<Check> {
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

// https://www.mongodb.com/docs/manual/reference/command/connectionStatus/
async function checkPrivileges(connection: Connection): Promise<Check> {
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

function wrongOf(checks: readonly Check[]): (asked: Check["name"]) => boolean {
  return (asked) => checks.some(({ name, state }) => name === asked && state === "wrong");
}

function nextCommand(read: Read, checks: readonly Check[], selection: SelectionOptions): string {
  const isWrong = wrongOf(checks);
  if (isWrong("mongoose")) return "update Mongoose, then org-db doctor";
  if (isWrong("connection")) return "update the server, then org-db doctor";
  if (!("faults" in read)) return "give the user the privileges above, then org-db doctor";
  const { commands, without } = nextOf(read, selection);
  const carryOut = commands.join(", then ");
  if (without) return `change the declarations above; without ${without.join(", ")}: ${carryOut}`;
  if (read.faults.length > 0)
    return `change the declarations above${carryOut === "" ? "" : `; for the rest: ${carryOut}`}`;
  if (!isWrong("database"))
    return isWrong("cleanup") ? "fix the cleanup rules above, then org-db doctor" : "org-db health";
  return carryOut;
}

function exitCodeOf(read: Read, checks: readonly Check[]): ExitCode {
  const isWrong = wrongOf(checks);
  const unfit = isWrong("mongoose") || isWrong("connection");
  if (unfit || ("faults" in read && read.faults.length > 0)) return exitCodes.error;
  // As for health: what is known to be wrong is said, whatever stays unknown beside it.
  if (checks.some(({ state }) => state === "wrong")) return exitCodes.drift;
  return checks.some(({ state }) => state === "unknown") ? exitCodes.undecidable : exitCodes.ok;
}

const marks = {
  ok: ["green", "ok     "],
  wrong: ["yellow", "not yet"],
  unknown: ["yellow", "unknown"],
} as const;

function checkText({ name, state, message }: Check, paint: Paint): string {
  const [colour, mark] = marks[state];
  return `${paint(colour, mark)} ${name}: ${message}\n`;
}
