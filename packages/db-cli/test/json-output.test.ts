// The output of each command with --json, as it is really run, fits the schemas that the package ships.
import { readFileSync } from "node:fs";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test } from "vitest";
import { z } from "zod";
import { cliReference, outputSchemas } from "../src/index.js";
import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "json", per: "test" });
const shipped = (name: string): z.core.JSONSchema.JSONSchema =>
  JSON.parse(readFileSync(new URL(`../schemas/${name}.json`, import.meta.url), "utf8"));

async function printed(line: string, config: string = configs.shop): Promise<unknown> {
  const [command = "", ...args] = line.split(" ");
  const { stdout } = await orgDb([command, "--json", "--config", config, "--uri", database.uri, ...args]);
  return JSON.parse(stdout);
}

function assertFits(name: string, document: unknown): void {
  const { error } = z.fromJSONSchema(shipped(name)).safeParse(document);
  expect({ document, error: error && z.prettifyError(error) }).toEqual({ document, error: undefined });
}

test("each command has a schema, which the package brings along", () => {
  const names = [...cliReference().commands.map(({ name }) => name), "error"];
  expect(Object.keys(outputSchemas()).sort()).toEqual(names.sort());
  for (const [name, schema] of Object.entries(outputSchemas())) expect(shipped(name)).toEqual(schema);
});

test("a schema refuses what lacks a field, and what has another type", async () => {
  const document = (await printed("plan")) as Record<string, unknown>;
  const { inSync: _left, ...lacking } = document;
  const schema = z.fromJSONSchema(shipped("plan"));
  expect(schema.safeParse(lacking).success).toBe(false);
  expect(schema.safeParse({ ...document, steps: "none" }).success).toBe(false);
});

test("commands on a database that is not set up", async () => {
  for (const name of ["plan", "doctor", "health", "optimize", "advise", "storage", "shard-plan", "cleanup"])
    assertFits(name, await printed(name));
});

test("commands that write, and those that show what was written", async () => {
  const orders = database.connection.collection("orders");
  const updatedAt = new Date("2020-01-01T00:00:00Z");
  await orders.insertMany(Array.from({ length: 20 }, (_, number) => ({ number, updatedAt, customer: "c1" })));
  assertFits("setup", await printed("setup"));
  await orders.dropIndex("number_1");
  await orders.createIndex({ number: 1 }, { sparse: true });
  await orders.createIndex({ own: 1 });
  for (const line of [
    "plan",
    "plan --check",
    "apply",
    "apply --drop orders.own_1",
    "apply --run",
    "rollback",
    "rollback --list",
    "rollback --run",
    "optimize",
    "health",
    "shard-plan",
    "storage",
    "storage --every-document",
    "storage --status",
    "cleanup",
    "cleanup --run --max-slowdown off",
    "cleanup --status",
  ])
    assertFits(line.split(" ")[0] ?? "", await printed(line));
});

test("each action of migrate", async () => {
  await database.connection
    .collection("boxes")
    .insertMany([1, 2].map((_id) => ({ _id: _id as never, label: `box ${_id}` })));
  for (const action of [
    "status",
    "up",
    "up --run --to verify",
    "verify",
    "status",
    "rollback",
    "rollback --run",
  ])
    assertFits("migrate", await printed(`migrate ${action}`, configs.boxes));
});

test.each(["plan --config absent.ts", "plan --no-such-option", "cleanup --pause", "rollback"])(
  "the failure of %s",
  async (line) => {
    const document = await printed(line);
    assertFits("error", document);
    expect(z.fromJSONSchema(shipped("plan")).safeParse(document).success).toBe(false);
  },
);
