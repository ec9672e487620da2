import mongoose, { type Connection, type ConnectOptions } from "mongoose";
import { z } from "zod";
import { IdentityError } from "./core/errors.js";
import { parseInput } from "./core/input.js";
import { type IdentityModels, modelsOf } from "./schemas/models.js";

export interface DatabaseOptions {
  /** Database name, when the connection string has none. */
  dbName?: string;
  /** Connections in the pool. Default 50. */
  maxPoolSize?: number;
  /** Milliseconds to look for a server before giving up. Default 30,000, which outlasts an election. */
  serverSelectionTimeoutMS?: number;
  /** Emits an event for each command, for tracing. Default false. */
  monitorCommands?: boolean;
  /** Named in the server's logs and in `currentOp`. */
  appName?: string;
}

/** An open database: its connection, its models, and how to close it. */
export interface IdentityDatabase {
  readonly connection: Connection;
  readonly models: IdentityModels;
  close(): Promise<void>;
}

// The options themselves are Mongoose's to check.
const argumentsSchema = z.object({
  uri: z.string("must be a connection string of MongoDB"),
  database: z.looseObject({}, "must be an object"),
});

const defaults = {
  maxPoolSize: 50,
  serverSelectionTimeoutMS: 30_000,
  appName: "org-identity",
} as const;

/**
 * Connects, and binds the models. Makes no collection and no index: that is what a setup is for.
 *
 * Writes wait for the majority of a replica set, so that nothing acknowledged is rolled back; reads see what the
 * primary has, whatever the connection string says. Where a majority can be away for long (a primary, a secondary and an
 * arbiter), set `wtimeoutMS` in the connection string; audit events are bounded without it.
 *
 * @param uri - MongoDB connection string.
 * @throws IdentityError `DATABASE_UNREACHABLE` when no server answers in time, `DATABASE_REFUSED` when one answers
 * and says no (credentials, privileges), `INVALID_INPUT` for a connection string that is none, or can't be read.
 *
 * @example
 * const database = await openDatabase(process.env.MONGODB_URI);
 * await database.models.User.countDocuments();
 * await database.close();
 */
export async function openDatabase(uri: string, options: DatabaseOptions = {}): Promise<IdentityDatabase> {
  parseInput(argumentsSchema, { uri, database: options });
  const connection = mongoose.createConnection();
  try {
    await connection.openUri(uri, connectOptions(uri, options));
    // With credentials that nothing has used yet, the first command is what the server refuses.
    await connection.db?.command({ ping: 1 });
  } catch (error) {
    await connection.close(true).catch(() => undefined);
    throw connectionError(error);
  }
  return { connection, models: modelsOf(connection), close: () => connection.close() };
}

function connectOptions(uri: string, options: DatabaseOptions): ConnectOptions {
  return {
    ...withoutThoseOf(uri, { ...defaults, retryWrites: true, w: "majority" }),
    ...options,
    autoIndex: false,
    autoCreate: false,
  };
}

// Options of the connection string take precedence over our defaults.
function withoutThoseOf(uri: string, options: ConnectOptions): ConnectOptions {
  const named = new Set(
    [...new URLSearchParams(uri.split("?")[1] ?? "").keys()].map((key) => key.toLowerCase()),
  );
  return Object.fromEntries(Object.entries(options).filter(([key]) => !named.has(key.toLowerCase())));
}

function connectionError(error: unknown): IdentityError {
  const name = error instanceof Error ? error.name : "";
  if (name === "MongoParseError" || name === "MongoInvalidArgumentError" || name === "MongoAPIError") {
    return new IdentityError("INVALID_INPUT", "the connection string can't be read", { cause: error });
  }
  if (name === "MongoServerError") {
    return new IdentityError("DATABASE_REFUSED", `the server refused: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return new IdentityError("DATABASE_UNREACHABLE", "no MongoDB server answered in time", { cause: error });
}
