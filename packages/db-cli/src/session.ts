import {
  type DatabaseEvent,
  type HealthCheck,
  isOptimizerError,
  type ModelLike,
  type NamedQuery,
  OptimizerError,
  type RecordEvent,
  toOptimizerError,
} from "@org/db-optimizer";
import { assertModel } from "@org/db-optimizer/setup";
import { checkedQueries } from "@org/db-optimizer/workload";
import type { Connection } from "mongoose";
import type { ParsedConfig } from "./config.js";
import { CliError } from "./errors.js";
import type { CliIo } from "./io.js";
import { type LoadedConfig, loadConfig } from "./load-config.js";
import { redactUri } from "./output/redact.js";
import { type Wait, waiter } from "./project-code.js";

/** A command's configuration and connection. */
export interface Session {
  readonly config: ParsedConfig;
  /** Connected, unless `unreachable` is there. */
  readonly connection: Connection;
  readonly models: readonly ModelLike[];
  /** Builds the named queries; only the commands that run them ask. */
  queries(): Promise<readonly NamedQuery[]>;
  /** Builds the checks of the configuration. */
  checks(): Promise<readonly HealthCheck[]>;
  /** Where the configuration has events recorded. */
  readonly record?: RecordEvent;
  /** Only in a command that does without a server. */
  readonly unreachable?: Unreachable;
}

/** Why there is no connection, and what kept the models from being bound without one: there are none then. */
export interface Unreachable {
  readonly error: Reported;
  readonly models?: Reported;
}

/** An error that the user is to read. */
export type Reported = CliError | OptimizerError;

/** Whether it is one: neither a fault of this program nor Ctrl-C. */
export function isReported(error: unknown): error is Reported {
  return error instanceof CliError || (isOptimizerError(error) && error.code !== "ABORTED");
}

/** What a command asks of its session. */
export interface SessionNeeds {
  /** Nothing is written. */
  readonly reading: boolean;
  /** The command runs without a connection too. */
  readonly withoutServer?: boolean;
}

/** The names of the models and of their collections, which a text of a command may hold. */
export function namesOf({ models }: Pick<Session, "models">): object[] {
  return models.map(({ modelName: name, collection }) => ({ name, collection: collection.collectionName }));
}

/** Options that every command takes. */
export interface SessionOptions {
  readonly config?: string;
  readonly uri?: string;
  /** Seconds to look for a server. */
  readonly timeout: number;
}

/**
 * Opens what the configuration names, runs something with it, and closes it again.
 *
 * @param signal ends the opening, and the building of queries and checks, at once
 * @throws {CliError} `CONFIG_NOT_FOUND`, `CONFIG_FAILED`, `CONFIG_INVALID`, `URI_MISSING`, `DATABASE_MISSING`
 * @throws {OptimizerError} `UNREACHABLE`, `AUTHENTICATION_FAILED`, `INVALID_MODEL`, `INVALID_QUERY`, `ABORTED`
 */
export async function withSession<T>(
  io: CliIo,
  options: SessionOptions,
  needs: SessionNeeds,
  signal: AbortSignal,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const wait = waiter(io, signal);
  const found = await wait(options.config ?? "The configuration", loadConfig(io.cwd, options.config));
  const loaded: Project = { ...found, wait };
  const { connection, error } = await openConnection(io, options, needs, loaded);
  try {
    const session =
      error === undefined
        ? await sessionOf(loaded, connection)
        : await sessionWithoutServer(loaded, connection, error);
    return await run(session);
  } finally {
    await connection.close();
  }
}

async function sessionOf(loaded: Project, connection: Connection): Promise<Session> {
  const bound = await fromConfig(loaded, "models", () => loaded.config.models(connection));
  const { record } = loaded.config;
  return {
    config: loaded.config,
    connection,
    models: modelsOf(loaded, bound),
    queries: () => queriesOf(loaded, bound),
    checks: () => checksOf(loaded, bound),
    ...(record && { record: (event: DatabaseEvent) => record(bound as never, event) }),
  };
}

async function sessionWithoutServer(
  loaded: Project,
  connection: Connection,
  error: Reported,
): Promise<Session> {
  try {
    return { ...(await sessionOf(loaded, connection)), unreachable: { error } };
  } catch (models) {
    if (!isReported(models)) throw models;
    const none = async () => [];
    const unreachable = { error, models };
    return { config: loaded.config, connection, models: [], queries: none, checks: none, unreachable };
  }
}

async function openConnection(
  io: CliIo,
  options: SessionOptions,
  { reading, withoutServer = false }: SessionNeeds,
  loaded: Project,
): Promise<{ readonly connection: Connection; readonly error?: Reported }> {
  try {
    const uri = await findUri(io, options, loaded);
    if (!reading) assertDatabaseNamed(loaded, uri);
    return { connection: await connect(loaded, uri, options.timeout) };
  } catch (error) {
    if (!withoutServer || !isReported(error)) throw error;
    const connection = loaded.mongoose.createConnection();
    // Models can be bound to it. What asks the server fails at once instead of waiting for a connection.
    Object.assign(connection.config, { ...nothingByItself, bufferCommands: false });
    return { connection, error };
  }
}

/** A configuration, and how to wait for its code. */
interface Project extends LoadedConfig {
  readonly wait: Wait;
}

async function findUri(io: CliIo, options: SessionOptions, loaded: Project): Promise<string> {
  const given = options.uri ?? io.env.MONGODB_URI;
  if (given) return given;
  const { uri } = loaded.config;
  const found = typeof uri === "function" ? await fromConfig(loaded, "uri", uri) : uri;
  if (typeof found === "string" && found !== "") return found;
  throw new CliError(
    "URI_MISSING",
    `No connection string: give --uri, set MONGODB_URI, or put uri into ${loaded.path}`,
  );
}

// The driver would take the database "test", which is hardly what anybody means to change.
function assertDatabaseNamed({ config }: LoadedConfig, uri: string): void {
  if (config.connect?.dbName || !/^mongodb(\+srv)?:\/\/[^/?]+\/?(\?|$)/.test(uri)) return;
  throw new CliError(
    "DATABASE_MISSING",
    `The connection string names no database: write it after the host, as in ${redactUri(uri.replace(/\/?(\?|$)/, "/shop$1"))}, ` +
      "or set connect.dbName in the configuration",
  );
}

// Whatever the project has set, a command that only looks must not build indexes by opening a connection.
const nothingByItself = { autoIndex: false, autoCreate: false };

async function connect(
  { mongoose, config, wait }: Project,
  uri: string,
  timeoutSeconds: number,
): Promise<Connection> {
  // To the driver 0 would be no limit at all.
  const selection = { serverSelectionTimeoutMS: Math.max(1, timeoutSeconds) * 1_000 };
  let connection: Connection | undefined;
  try {
    connection = mongoose.createConnection(uri, { ...selection, ...config.connect, ...nothingByItself });
    return await wait("The connection", connection.asPromise());
  } catch (error) {
    // Nobody waits for one that is given up.
    connection?.close().catch(() => undefined);
    if ((error as { name?: unknown }).name === "MongoParseError") {
      throw new CliError(
        "CONFIG_INVALID",
        `The connection string is wrong: ${(error as Error).message}. In a user name or a password, write special characters ` +
          "as encodeURIComponent does: @ as %40, : as %3A, / as %2F, # as %23, % as %25",
        { cause: error },
      );
    }
    throw toOptimizerError(error, `Cannot connect to ${redactUri(uri)}`);
  }
}

function modelsOf({ path }: LoadedConfig, bound: object): ModelLike[] {
  const models = Array.isArray(bound) ? bound : Object.values(bound ?? {});
  if (models.length === 0) throw new CliError("CONFIG_INVALID", `${path}: models returned no model`);
  return models.map(assertModel);
}

async function queriesOf(loaded: Project, bound: object): Promise<readonly NamedQuery[]> {
  const { queries } = loaded.config;
  if (!queries) return [];
  const found = await fromConfig(loaded, "queries", () => queries(bound as never));
  if (!Array.isArray(found))
    throw new CliError("CONFIG_INVALID", `${loaded.path}: queries must return an array`);
  for (const [at, query] of found.entries()) assertQuery(loaded.path, at, query);
  return checkedQueries(found as NamedQuery[]);
}

// Their shape is health's own business, which names each fault.
async function checksOf(loaded: Project, bound: object): Promise<readonly HealthCheck[]> {
  const { checks } = loaded.config;
  if (!checks) return [];
  const found = await fromConfig(loaded, "checks", () => checks(bound as never));
  if (!Array.isArray(found))
    throw new CliError("CONFIG_INVALID", `${loaded.path}: checks must return an array`);
  return found as HealthCheck[];
}

function assertQuery(path: string, at: number, query: unknown): void {
  const { name, collection, filter } = (query ?? {}) as Partial<NamedQuery>;
  const named = typeof name === "string" && typeof collection === "string";
  if (named && filter !== null && typeof filter === "object") return;
  throw new CliError("CONFIG_INVALID", `${path}: queries.${at} needs name, collection and filter`);
}

async function fromConfig<T>(
  { path, hint, wait }: Project,
  what: string,
  run: () => T | Promise<T>,
): Promise<T> {
  const running = (async () => run())();
  try {
    return await wait(`${path}: ${what}`, running);
  } catch (error) {
    if (error instanceof OptimizerError && error.code === "ABORTED") throw error;
    if (error instanceof CliError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError("CONFIG_FAILED", `${path}: ${what} failed: ${message}${hint}`, { cause: error });
  }
}
