import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeEach, describe, expect, test } from "vitest";

import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "migrate", per: "test" });

const migrate = (...args: string[]) =>
  orgDb(["migrate", ...args, "--config", configs.boxes, "--uri", database.uri]);
const labels = () => database.connection.collection<{ _id: number }>("labels");

beforeEach(async () => {
  const boxes = Array.from({ length: 5 }, (_, box) => ({ _id: box as never, label: `box ${box}` }));
  await database.connection.collection("boxes").insertMany(boxes);
});

describe("org-db migrate", () => {
  test("shows what it would do, and changes nothing without --run", async () => {
    for (const [action, exitCode] of [
      ["up", 2],
      ["rollback", 0],
      ["contract", 2],
    ] as const) {
      expect((await migrate(action)).exitCode).toBe(exitCode);
    }
    expect((await migrate("up")).stdout).toMatch(
      /about 5 documents in the source[\s\S]*Dry run: nothing was changed/,
    );
    expect(await labels().countDocuments()).toBe(0);
    expect(JSON.parse((await migrate("status", "--json")).stdout)).toMatchObject({
      phase: "off",
      history: [],
    });
  });

  test("goes up, says what was verified, and who did it; a second time there is nothing to do", async () => {
    const up = await migrate("up", "--run");
    expect(up).toMatchObject({ exitCode: 0 });
    expect(up.stdout).toMatch(/off -> expand -> backfill -> verify -> switching -> switched\n/);
    expect(up.stdout).toMatch(/5 source documents, 5 expected, 5 found, 0 brought up to date: clean/);
    expect((await migrate("up")).exitCode).toBe(0);
    const status = await migrate("status");
    expect(status.stdout).toMatch(/^boxes is at switched: reads target, writes target, then source\.\n/);
    expect(status.stdout).toMatch(/It may be contracted from 2025-05-01T01:00:00\.000Z/);
    expect(status.stdout).toMatch(/switching -> switched +\S+@\S+ +1/);
  });

  test("stops where it is told to, and goes back", async () => {
    expect((await migrate("up", "--to", "backfill", "--run")).stdout).toContain(
      "off -> expand -> backfill\n",
    );
    expect(await labels().countDocuments()).toBe(5);
    expect((await migrate("rollback", "--run")).stdout).toContain("backfill -> off\n");
    expect((await migrate("up", "--to", "off", "--run")).exitCode).toBe(1);
  });

  test("verify names each document that is not as it should be, and exits with 2", async () => {
    await migrate("up", "--run");
    expect((await migrate("verify")).exitCode).toBe(0);
    await labels().updateOne({ _id: 3 }, { $set: { label: "another" } });
    const verified = await migrate("verify");
    expect(verified.exitCode).toBe(2);
    expect(verified.stdout).toMatch(/1 mismatch\.[\s\S]*differs +labels +3 +3/);
    expect(JSON.parse((await migrate("verify", "--json")).stdout)).toMatchObject({
      clean: false,
      mismatches: [{ kind: "differs", id: 3 }],
    });
  });

  test("contract waits for its retention", async () => {
    await migrate("up", "--run");
    const early = await migrate("contract", "--run", "--json");
    expect(early.exitCode).toBe(1);
    expect(JSON.parse(early.stdout)).toMatchObject({ error: { code: "MIGRATION_NOT_ALLOWED" } });
  });

  test("another process that is at it: 4", async () => {
    const leases = database.connection.collection<{ _id: string }>("org_db_leases");
    const expiresAt = new Date(Date.now() + 60_000);
    await leases.updateOne({ _id: "migrate:boxes" }, { $set: { expiresAt } }, { upsert: true });
    expect((await migrate("up", "--run")).exitCode).toBe(4);
  });

  test.each([
    [["sideways"], "sideways"],
    [["up", "nothing"], "USAGE"],
    [["up", "--to", "contracted"], "contracted"],
  ])("%j makes no sense", async (args, said) => {
    expect(await migrate(...args)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(said) });
  });

  test("a configuration without migrations says so", async () => {
    const none = await orgDb(["migrate", "status", "--config", configs.shop, "--uri", database.uri]);
    expect(none).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("No migration in the configuration"),
    });
  });
});
