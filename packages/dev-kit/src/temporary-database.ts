import { randomBytes } from "node:crypto";

import { mongo } from "mongoose";

import { DevKitError } from "./errors.js";

// MongoDB allows 63 bytes in a database's name.
const LABEL_LENGTH = 30;

export interface TemporaryDatabaseOptions {
  /** Connection string of a server; a database named in it is replaced. */
  readonly uri: string;
  /** Shown in the name; anything but letters, digits and `_` becomes `_`, cut to 30 characters. Default: `test`. */
  readonly label?: string;
}

/** A database of one's own on a shared server. */
export interface TemporaryDatabase {
  /** Connection string with the database's name. */
  readonly uri: string;
  readonly name: string;
  /** Removes the database, unless it is kept. Idempotent. */
  drop(): Promise<void>;
  /** Makes `drop()` leave the database where it is, for looking into it. */
  keep(): void;
}

/**
 * Names a database that nobody else has. Nothing is created until something is written.
 *
 * @throws {DevKitError} `DATABASE_URI_INVALID`
 * @example
 * const database = temporaryDatabase({ uri: engine.uri, label: "sessions" });
 * const connection = await mongoose.createConnection(database.uri).asPromise();
 */
export function temporaryDatabase({ uri, label = "test" }: TemporaryDatabaseOptions): TemporaryDatabase {
  const name = `tmp_${label.replace(/\W/g, "_").slice(0, LABEL_LENGTH)}_${randomBytes(8).toString("hex")}`;
  const ownUri = withDatabase(uri, name);
  let kept = false;
  let dropped: Promise<void> | undefined;
  return {
    uri: ownUri,
    name,
    keep: () => {
      kept = true;
    },
    drop: async () => {
      if (kept) return;
      dropped ??= dropDatabase(ownUri, name);
      await dropped;
    },
  };
}

async function dropDatabase(uri: string, name: string): Promise<void> {
  const client = new mongo.MongoClient(uri, { maxPoolSize: 1 });
  try {
    await client.connect();
    await client.db(name).dropDatabase();
  } finally {
    await client.close();
  }
}

/**
 * Puts a database's name into a connection string.
 *
 * @throws {DevKitError} `DATABASE_URI_INVALID`
 */
export function withDatabase(uri: string, name: string): string {
  const match = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(uri);
  if (!match) throw new DevKitError("DATABASE_URI_INVALID", "The connection string is not one of MongoDB");
  const [, server = "", database, query = ""] = match;
  const parameters = query.split("&").filter(Boolean);
  // Credentials belong to the database that the string named, not to the one that is put in its place.
  if (server.includes("@") && !parameters.some((parameter) => parameter.startsWith("authSource="))) {
    parameters.push(`authSource=${database || "admin"}`);
  }
  return `${server}/${name}${parameters.length > 0 ? `?${parameters.join("&")}` : ""}`;
}
