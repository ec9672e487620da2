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

/** A clock of which each look is a second later, so that every line of progress is shown. */
const clock = () => {
  let looks = 0;
  return () => new Date(Date.parse("2025-05-01T00:00:00Z") + 1_000 * looks++);
};
let told = "";
beforeEach(() => {
  told = "";
});

describe("org-db migrate", () => {
  test("shows what it would do, and changes nothing without --run", async () => {
    for (const [action, exitCode] of [
      ["up", 2],
      ["rollback", 0],
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

  test.each([
    [[], ["contract"], "is at off: it cannot be contracted"],
    [[], ["verify"], "is at off: it cannot be verified before it has begun"],
    [["up", "--run"], ["up", "--to", "expand"], "is at switched: it cannot go up to expand"],
    [
      ["up", "--run"],
      ["contract"],
      "is at switched: it cannot be contracted before 2025-05-01T01:00:00.000Z",
    ],
  ])("after %j, %j is refused as with --run, and says why", async (before, args, said) => {
    if (before.length > 0) await migrate(...before);
    for (const dry of [await migrate(...args), await migrate(...args, "--run")])
      expect(dry).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining(`MIGRATION_NOT_ALLOWED Migration "boxes" ${said}`),
      });
  });

  test("a phase that was left unfinished: status and a dry run say how far it is, and that it goes on", async () => {
    await migrate("up", "--to", "backfill", "--run");
    expect(await migrate("up", "--to", "backfill")).toMatchObject({
      exitCode: 0,
      stdout: "boxes is at backfill already, and its work is done.\n",
    });
    const states = database.connection.collection<{ _id: string }>("org_db_migrations");
    await states.updateOne({ _id: "boxes" }, { $unset: { done: 1 } });
    const killed = { state: "interrupted", "steps.0.done": 2, "steps.0.cursor": { id: 1 } };
    await database.connection.collection("org_db_runs").updateOne({ job: "migrate:boxes" }, { $set: killed });
    const far = /backfill boxes: 2 of 5 \(40 %\), [\d,]+ per \w+, \S+ m?s left/;
    const status = await migrate("status");
    expect(status.stdout).toMatch(far);
    expect(status.stdout).toContain("No process is running it; the next one continues there.");
    const dry = await migrate("up", "--to", "backfill");
    expect(dry).toMatchObject({ exitCode: 2, stdout: expect.stringMatching(far) });
    const leases = database.connection.collection<{ _id: string }>("org_db_leases");
    await leases.updateOne({ _id: "migrate:boxes" }, { $set: { expiresAt: new Date(Date.now() + 60_000) } });
    expect((await migrate("status")).stdout).toContain("A process is running it; its lease expires at ");
  });

  test("its last run is paused, resumed and cancelled by name; with none there is nothing to steer", async () => {
    const none = await migrate("cancel");
    expect(none).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("NO_RUN") });
    await migrate("up", "--to", "backfill", "--run");
    const runs = database.connection.collection("org_db_runs");
    // As a process leaves it that was killed.
    await runs.updateOne({}, { $set: { state: "running" } });
    const status = await migrate("status");
    expect(status.stdout).toMatch(/Last run: interrupted, process_lost, by \S+; backfill boxes: 5 of 5/);
    expect(status.stdout).toContain("Its process is gone: the next --run continues it.");
    expect((await migrate("pause")).stdout).toContain("No process is running it.");
    expect((await migrate("status")).stdout).toContain("Last run: interrupted (pause asked for)");
    expect((await migrate("resume")).stdout).toContain("Continue with --run.");
    expect(JSON.parse((await migrate("cancel", "--json")).stdout)).toMatchObject({ state: "cancelled" });
    expect((await migrate("up", "--run")).exitCode).toBe(0);
  });

  test("tells of each wait and walk while it goes up", async () => {
    const { stderr } = await orgDb(
      ["migrate", "up", "--run", "--config", configs.boxes, "--uri", database.uri],
      { stderr: { write: (text) => (told += text), isTTY: true, columns: 200 }, now: clock() },
    );
    expect(stderr).toBe("");
    expect(told).toMatch(/backfill: waits \d+ ms until every process has seen it/);
    expect(told).toMatch(/verify boxes: 5 of 5 \(100 %\), [\d,]+ per \w+/);
    expect(told).toMatch(/verify labels: 5 of 5/);
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

  test("verify counts what it does not list", async () => {
    await migrate("up", "--run");
    const many = Array.from({ length: 60 }, (_, at) => ({ _id: 100 + at, label: `box ${at}` }));
    await labels().insertMany(many as never);
    const verified = await migrate("verify");
    expect(verified.stdout).toContain("60 mismatches.");
    expect(verified.stdout.match(/^extra +labels/gm)).toHaveLength(50);
    expect(verified.stdout).toContain("... and 10 more");
  });

  test("contract waits for its retention", async () => {
    await migrate("up", "--run");
    const early = await migrate("contract", "--run", "--json");
    expect(early.exitCode).toBe(1);
    expect(JSON.parse(early.stdout)).toMatchObject({ error: { code: "MIGRATION_NOT_ALLOWED" } });
  });

  test("locked by another process: 4", async () => {
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
    const of = (action: string) =>
      orgDb(["migrate", action, "--config", configs.shop, "--uri", database.uri]);
    expect(await of("status")).toMatchObject({
      exitCode: 0,
      stdout: "The configuration has no migrations.\n",
    });
    expect(await of("up")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("No migration in the configuration"),
    });
  });
});
