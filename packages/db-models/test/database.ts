import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll } from "vitest";
import { randomKey } from "../src/core/secrets.js";
import {
  defineModels,
  type IdentityDatabase,
  type IdentityModels,
  openDatabase,
  type UserDocument,
} from "../src/index.js";
import { noteRefusedWrites } from "./refused-writes.js";

export { createIndexes };

/** A database of the suite's own, opened as a service opens it, with every index. `query` is added to its address. */
export function useIdentityDatabase(query = ""): () => IdentityDatabase {
  const temporary = useTemporaryDatabase({ label: "models" });
  let database: IdentityDatabase;
  let refused: ReadonlySet<string>;
  beforeAll(async () => {
    database = await openDatabase(temporary.uri + query, { monitorCommands: true });
    refused = noteRefusedWrites(database);
    await createIndexes(database.models);
  });
  afterAll(async () => {
    await database?.close();
    if (refused?.size > 0)
      throw new Error(`a sharded cluster refuses these writes:\n${[...refused].join("\n")}`);
  });
  return () => database;
}

let made = 0;

/** Stores a user with the defaults of the schema and the given fields. */
export async function makeUser(models: IdentityModels, fields: object = {}): Promise<UserDocument> {
  made += 1;
  const createdAt = new Date("2026-01-01T00:00:00.000Z");
  const user = new models.User({
    email: `user-${made}@example.com`,
    auditKey: randomKey(),
    createdAt,
    updatedAt: createdAt,
    ...fields,
  });
  await user.save();
  return user.toObject();
}

/** Models that share nothing in this process but the pool, as those of other processes would. */
export function separateModels({ connection }: IdentityDatabase, count: number): IdentityModels[] {
  return Array.from({ length: count }, () => defineModels(connection.useDb(connection.name)));
}

/** Runs something and names the commands that it sent to the server. */
export async function commandsDuring<T>(
  { connection }: Pick<IdentityDatabase, "connection">,
  act: () => Promise<T>,
): Promise<{ result: T; commands: string[] }> {
  const commands: string[] = [];
  const client = connection.getClient();
  const note = ({ commandName }: { commandName: string }) => commands.push(commandName);
  client.on("commandStarted", note);
  try {
    return { result: await act(), commands };
  } finally {
    client.off("commandStarted", note);
  }
}
