import { createServer } from "node:net";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import mongoose from "mongoose";
import { describe, expect, it } from "vitest";
import { defineModels, openDatabase } from "../src/index.js";

const temporary = useTemporaryDatabase({ label: "connect" });

describe("openDatabase", () => {
  it("opens, binds the models, and makes nothing on the server", async () => {
    const database = await openDatabase(temporary.uri);
    try {
      expect(await database.models.User.findOne({ email: "nobody@example.com" })).toBeNull();
      expect(await database.connection.db!.listCollections().toArray()).toEqual([]);
    } finally {
      await database.close();
    }
  });

  it("lets the connection string speak before its defaults, and the options before both", async () => {
    const uri = `${temporary.uri}&maxPoolSize=7&appName=mine`;
    const database = await openDatabase(uri, { appName: "given" });
    try {
      const { maxPoolSize, appName, writeConcern } = database.connection.getClient().options;
      expect({ maxPoolSize, appName, w: writeConcern?.w }).toEqual({
        maxPoolSize: 7,
        appName: "given",
        w: "majority",
      });
    } finally {
      await database.close();
    }
  });

  it("says in time that no server answers", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    try {
      const opening = openDatabase(`mongodb://127.0.0.1:${port}/x`, { serverSelectionTimeoutMS: 300 });
      await expect(opening).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE", kind: "server" });
    } finally {
      silent.close();
    }
  });

  it.each(["", "not a uri", "http://example.com", "mongodb://"])(
    "says that %j is no connection string",
    async (uri) => {
      await expect(openDatabase(uri)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    },
  );

  it("says that the server refused, with its reason as the cause", async () => {
    const uri = temporary.uri.replace("mongodb://", "mongodb://nobody:wrong@");
    await expect(openDatabase(uri)).rejects.toMatchObject({
      code: "DATABASE_REFUSED",
      cause: expect.any(Error),
    });
  });
});

describe("defineModels", () => {
  it("gives one connection the same models each time, and another its own", () => {
    const [first, second] = [mongoose.createConnection(), mongoose.createConnection()];
    const again = defineModels(first);
    for (const [name, model] of Object.entries(defineModels(first)))
      expect(model).toBe(again[name as keyof typeof again]);
    expect(defineModels(second).User).not.toBe(defineModels(first).User);
  });
});
