import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Schema } from "mongoose";
import { expect, test } from "vitest";
import { type DatabaseEvent, DatabaseInitializer, DatabaseOptimizer, OptimizerError } from "../src/index.js";
import { recordFindings, recordOperation } from "../src/record.js";

const database = useTemporaryDatabase({ label: "record", per: "test" });
const at = new Date("2026-05-01T00:00:00Z");
const clock = () => at;
const heard: DatabaseEvent[] = [];
const record = (event: DatabaseEvent) => heard.push(event);
const recording = () => {
  heard.length = 0;
  return { record, clock };
};
const models = () => {
  const schema = new Schema({ customer: String, until: Date }, { collection: "orders", autoIndex: false });
  schema.index({ customer: 1 }).index({ until: 1 });
  return [database.connection.models.Order ?? database.connection.model("Order", schema)];
};

test("a setup that changed something is recorded once, and one that changed nothing is not", async () => {
  const initializer = new DatabaseInitializer(database.connection, models(), recording());
  await initializer.initialize();
  await initializer.initialize();
  expect(heard).toEqual([
    {
      kind: "operation",
      operation: "setup",
      outcome: "success",
      at,
      details: {
        ready: "true",
        collections: "1: createCollection orders",
        indexes: "2: create orders.customer_1, create orders.until_1",
      },
    },
  ]);
});

test("so are an apply, its reversal, and a cleanup that was no dry run", async () => {
  const cleanup = [{ name: "old", collection: "orders", field: "until", retentionSeconds: 0 }];
  const options = { models: models(), cleanup, ...recording() };
  const optimizer = new DatabaseOptimizer(database.connection, options);
  await database.connection.collection("orders").insertMany([{ until: new Date(0) }, { until: new Date(0) }]);
  await optimizer.apply();
  await optimizer.cleanup({ now: new Date() });
  await optimizer.cleanup({ now: new Date(), run: true });
  await optimizer.cleanup({ now: new Date(), run: true });
  await optimizer.rollback();
  expect(heard).toMatchObject([
    { operation: "apply", outcome: "success", details: { complete: "true", run: expect.any(String) } },
    { operation: "cleanup", outcome: "success", details: { stopped: "false", done: "1: old 2" } },
    { operation: "rollback", outcome: "success", details: { indexes: expect.stringMatching(/^2: /) } },
  ]);
});

test("findings about security are recorded, by the check of security and by that of health", async () => {
  const checks = [
    { name: "audit", run: () => ({ ok: false, severity: "critical" as const, message: "m", evidence: "e" }) },
  ];
  const initializer = new DatabaseInitializer(database.connection, models(), { checks, ...recording() });
  const { findings } = await initializer.checkSecurity({ now: at });
  const grave = findings.filter(({ severity }) => severity !== "info");
  expect(heard.map((event) => event.kind === "security_finding" && event.code)).toEqual(
    grave.map(({ code }) => code),
  );
  expect(heard).toContainEqual({
    kind: "security_finding",
    code: "CHECK_FAILED",
    severity: "critical",
    message: "m",
    evidence: "audit: e",
    at,
  });
  await new DatabaseOptimizer(database.connection, { models: models(), ...recording() }).health({ now: at });
  expect(heard.map(({ kind }) => kind)).toContain("security_finding");
});

const failing = (code: "DISK_FULL" | "LOCKED") => () => Promise.reject(new OptimizerError(code, code));

test("a failure is recorded by its code and thrown as it was, even where it cannot be recorded", async () => {
  const run = recordOperation(recording(), "apply", failing("DISK_FULL"), () => ({}));
  await expect(run).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(heard).toMatchObject([{ outcome: "failure", details: { code: "DISK_FULL" } }]);
  const deaf = { record: () => Promise.reject(new Error("away")), clock };
  await expect(recordOperation(deaf, "apply", failing("DISK_FULL"), () => ({}))).rejects.toMatchObject({
    code: "DISK_FULL",
  });
});

test("an operation that is refused a lease has done nothing", async () => {
  await expect(recordOperation(recording(), "apply", failing("LOCKED"), () => ({}))).rejects.toThrow();
  expect(heard).toEqual([]);
});

test("what was done and cannot be recorded is no success", async () => {
  const cause = new Error("away");
  const deaf = { record: () => Promise.reject(cause), clock };
  await expect(
    recordOperation(
      deaf,
      "cleanup",
      async () => 1,
      () => ({}),
    ),
  ).rejects.toMatchObject({
    code: "RECORD_FAILED",
    message: expect.stringMatching(
      new RegExp(`^cleanup is done, and could not be recorded: ${cause.message}$`),
    ),
    cause,
  });
  const finding = {
    code: "TLS_OFF",
    part: "security",
    severity: "warning",
    subject: "*",
    message: "m",
    evidence: "e",
  } as const;
  await expect(recordFindings(deaf, [finding], at)).rejects.toMatchObject({ code: "RECORD_FAILED" });
});
