// The retention of the audit trail by the database's clock.
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIdentity, defineModels } from "@org/db-models";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defineConfig } from "../src/config.js";
import type { JobContext } from "../src/job.js";
import { auditRetentionJob } from "../src/jobs/audit-retention.js";
import { useStore } from "./support/store.js";

const store = useStore();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-retention-"));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

// A virtual machine that wakes with its clock ten years ahead would remove the whole trail, and sign that it was in order.
test("an instance whose clock is ten years ahead removes nothing of the trail", async () => {
  const { connection } = store.database;
  const { privateKey } = generateKeyPairSync("ed25519");
  const keyFile = join(folder, "key.pem");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  const identity = createIdentity({ connection });
  await identity.audit.append({ action: "test.done", outcome: "success" });
  const removed = vi.fn();
  const database = { connection, models: defineModels(connection), close: async () => undefined };
  const config = defineConfig({ mongodbUri: "mongodb://unused" });
  const job = auditRetentionJob(database, config, keyFile, { removed } as never);
  const tenYearsMs = 10 * 365 * 86_400_000;
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + tenYearsMs });
  const { result } = await job.run({ signal: new AbortController().signal } as JobContext);
  expect(result).toMatchObject({ events: 0 });
  expect(await store.db().collection("audit_events").countDocuments()).toBe(1);
});
