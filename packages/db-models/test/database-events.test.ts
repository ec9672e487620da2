import { beforeEach, describe, expect, it } from "vitest";
import { recordDatabaseEvent } from "../src/audit/database-events.js";
import { queries } from "../src/queries/queries.js";
import { runQuery } from "../src/queries/run-query.js";
import { contextAt } from "./context.js";
import { useIdentityDatabase } from "./database.js";
import { auditWriterOf } from "./recorders.js";

const database = useIdentityDatabase();
const now = new Date("2026-05-01T12:00:00Z");
const after = (ms: number) => new Date(now.getTime() + ms);
const day = 86_400_000;
const finding = (code: string, at: Date) => ({
  kind: "security_finding" as const,
  code,
  severity: "critical" as const,
  at,
});
const exposed = () => runQuery(database().models, queries.securityEventsByKind("database_exposed"));
beforeEach(() => database().models.SecurityEvent.collection.deleteMany({}));

describe("recordDatabaseEvent", () => {
  it("audits what was done to the database, and what failed", async () => {
    const { models } = database();
    const operation = { kind: "operation", operation: "cleanup", at: now } as const;
    await recordDatabaseEvent(contextAt(models), auditWriterOf(models), {
      ...operation,
      outcome: "success",
      details: { removed: "1: old 7" },
    });
    await recordDatabaseEvent(contextAt(models), auditWriterOf(models), {
      ...operation,
      outcome: "failure",
      details: { code: "DISK_FULL" },
    });
    const audited = await runQuery(models, queries.auditOfAction("database.cleanup"));
    expect(audited.map(({ outcome, details }) => [outcome, details])).toEqual(
      expect.arrayContaining([
        ["success", [{ key: "removed", value: "1: old 7" }]],
        ["failure", [{ key: "code", value: "DISK_FULL" }]],
      ]),
    );
    expect(audited.every(({ actorRef }) => actorRef === undefined)).toBe(true);
  });

  it("makes a finding a security event of nobody, and tells it again after a day", async () => {
    const { models } = database();
    await recordDatabaseEvent(contextAt(models), auditWriterOf(models), finding("TLS_OFF", now));
    await recordDatabaseEvent(contextAt(models), auditWriterOf(models), finding("TLS_OFF", after(day - 1)));
    await recordDatabaseEvent(contextAt(models), auditWriterOf(models), finding("ROLE_BROAD", after(1)));
    expect((await exposed()).map(({ reasons }) => reasons[0])).toEqual(["ROLE_BROAD", "TLS_OFF"]);
    await recordDatabaseEvent(contextAt(models), auditWriterOf(models), finding("TLS_OFF", after(day)));
    const [newest, ...rest] = await exposed();
    expect(rest).toHaveLength(2);
    expect(newest).toMatchObject({ severity: "critical", reasons: ["TLS_OFF"], at: after(day) });
    expect(newest).not.toHaveProperty("userId");
  });
});
