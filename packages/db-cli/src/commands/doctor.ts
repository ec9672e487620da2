import {
  type CleanupRule,
  type ModelLike,
  type OptimizerError,
  planSetup,
  type SetupPlan,
  toOptimizerError,
} from "@org/db-optimizer";
import { checkCleanupRules } from "@org/db-optimizer/cleanup";
import { declarationFaults } from "@org/db-optimizer/setup";
import type { Connection } from "mongoose";

import type { Command, Context, Outcome } from "../command.js";
import { type ExitCode, exitCodes } from "../errors.js";
import { nextOf } from "../next-command.js";
import { plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { type SelectionOptions, selectModels } from "../select-models.js";
import { isReported, type Reported, type Unreachable } from "../session.js";
import { faultData, leastValidation } from "./plan.js";
import { type Check, checkConnection, checkMongoose, checkPrivileges } from "./server-checks.js";

/**
 * `org-db doctor`: whether the configuration, its models and the connection are fit for the other commands. Writes nothing.
 * Without a server it reports what the configuration and the models show, and then the failure of the connection.
 */
export const doctor: Command<SelectionOptions> = async (context, selection) => {
  const { unreachable } = context;
  return unreachable ? withoutServer(context, unreachable, selection) : withServer(context, selection);
};

async function withServer(context: Context, selection: SelectionOptions): Promise<Outcome> {
  const { connection, config } = context;
  const models = selectModels(context.models, selection);
  const configuration = await checkConfiguration(context);
  const read = await planSetup(connection, models, leastValidation(config.validation)).catch(
    (error: unknown) => toOptimizerError(error, "Cannot compare the models with the database"),
  );
  const checks: Check[] = [
    configuration.check,
    checkMongoose(connection),
    modelsCheck(models),
    await checkConnection(connection),
    await checkPrivileges(connection),
    ...stateChecks(read),
    ...(await checkCleanup(connection, config.cleanup)),
  ];
  const next = nextCommand(read, checks, selection);
  const faults = "faults" in read ? read.faults : [];
  const { error: shortcoming } = configuration;
  return {
    ...outcomeOf(context, exitCodeOf(read, checks), checks, faults, next),
    ...(shortcoming && { shortcoming }),
  };
}

async function withoutServer(
  context: Context,
  { error, models: unbound }: Unreachable,
  selection: SelectionOptions,
): Promise<Outcome> {
  const models = unbound ? [] : selectModels(context.models, selection);
  const faults = declarationFaults(models);
  const configuration = (await checkConfiguration(context)).check;
  const checks: Check[] = [
    // Queries that are wrong may lack nothing but the server.
    configuration.state === "wrong" ? { ...configuration, state: "unknown" } : configuration,
    checkMongoose(context.connection),
    ...(unbound
      ? [{ name: "models", state: "unknown", message: unbound.message } as const]
      : [modelsCheck(models), ...declarationChecks(faults)]),
    { name: "connection", state: "wrong", message: "none: what depends on the database is not checked" },
  ];
  const isWrong = wrongOf(checks);
  const first = [
    ...(isWrong("mongoose") ? ["update Mongoose"] : []),
    ...(isWrong("declarations") ? ["change the declarations above"] : []),
  ];
  const next = `${[...first, "fix the connection"].join(", ")}, then org-db doctor`;
  return { ...outcomeOf(context, exitCodes.error, checks, faults, next), shortcoming: error };
}

function outcomeOf(
  { paint }: Context,
  exitCode: ExitCode,
  checks: readonly Check[],
  faults: readonly OptimizerError[],
  next: string,
): Outcome {
  return {
    exitCode,
    data: { checks, faults: faults.map(faultData), next },
    text: `${checks.map((check) => checkText(check, paint)).join("")}\nNext: ${paint("bold", next)}\n`,
  };
}

async function checkConfiguration({
  config,
  queries,
}: Context): Promise<{ readonly check: Check; readonly error?: Reported }> {
  const name = "configuration";
  const parts = [
    plural(config.cleanup.length, "cleanup rule"),
    plural(config.migrations.length, "migration"),
  ];
  try {
    const named = plural((await queries()).length, "named query", "named queries");
    return { check: { name, state: "ok", message: [named, ...parts].join(", ") } };
  } catch (error) {
    if (!isReported(error)) throw error;
    return { check: { name, state: "wrong", message: error.message }, error };
  }
}

function modelsCheck(models: readonly ModelLike[]): Check {
  const collections = new Set(models.map(({ collection }) => collection.collectionName));
  const message = `${plural(models.length, "model")} of ${plural(collections.size, "collection")}`;
  return { name: "models", state: "ok", message };
}

type Read = SetupPlan | OptimizerError;

function stateChecks(read: Read): Check[] {
  if (!("faults" in read))
    return [{ name: "database", state: "unknown", message: `${read.message} (${read.code})` }];
  const { faults, collections, indexes } = read;
  const steps = collections.length + indexes.steps.length;
  return [
    ...declarationChecks(faults),
    {
      name: "database",
      state: steps === 0 ? "ok" : "wrong",
      message: steps === 0 ? "as the models declare" : `${plural(steps, "step")} behind the models`,
    },
  ];
}

function declarationChecks(faults: readonly OptimizerError[]): Check[] {
  return faults.length === 0
    ? [{ name: "declarations", state: "ok", message: "no contradiction" }]
    : faults.map(({ message }) => ({ name: "declarations", state: "wrong", message }));
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

function wrongOf(checks: readonly Check[]): (asked: Check["name"]) => boolean {
  return (asked) => checks.some(({ name, state }) => name === asked && state === "wrong");
}

function nextCommand(read: Read, checks: readonly Check[], selection: SelectionOptions): string {
  const isWrong = wrongOf(checks);
  if (isWrong("mongoose")) return "update Mongoose, then org-db doctor";
  if (isWrong("configuration")) return "fix the configuration, then org-db doctor";
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
  const unfit = isWrong("mongoose") || isWrong("connection") || isWrong("configuration");
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
