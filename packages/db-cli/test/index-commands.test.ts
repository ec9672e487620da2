import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test } from "vitest";

import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "indexes", per: "test" });

const shop = (...args: string[]) => orgDb([...args, "--config", configs.shop, "--uri", database.uri]);
const orders = () => database.connection.collection("orders");

async function fill(count: number) {
  const documents = Array.from({ length: count }, (_, number) => ({
    number,
    status: number % 20 ? "paid" : "open",
    customer: `c${number % 50}`,
    updatedAt: new Date(number * 60_000),
  }));
  await orders().insertMany(documents);
}

async function indexNames(): Promise<string[]> {
  return (await orders().listIndexes().toArray()).map(({ name }) => String(name)).sort();
}

describe("plan --check", () => {
  test("answers CI in one line: drift, then in sync", async () => {
    const drift = await shop("plan", "--check");
    expect(drift.exitCode).toBe(2);
    expect(drift.stdout).toMatch(
      /^Drift: create collection orders; create index orders\.number_1, .*\. See org-db plan\.\n$/,
    );
    await shop("setup");
    expect(drift.stdout).toContain("See org-db plan.");
    expect(await shop("plan", "--check")).toMatchObject({ exitCode: 0, stdout: "In sync.\n" });
  });

  test("another process that applies: 4, as what is seen may be halfway", async () => {
    await shop("setup");
    const leases = database.connection.collection<{ _id: string }>("org_db_leases");
    const expiresAt = new Date(Date.now() + 60_000);
    await leases.updateOne({ _id: "setup" }, { $set: { expiresAt } }, { upsert: true });
    const locked = await shop("plan", "--check", "--json");
    expect(locked.exitCode).toBe(4);
    expect(JSON.parse(locked.stdout)).toMatchObject({ status: "locked", inSync: false });
  });
});

test("plan says what each step costs, risks, and whether there is a way back", async () => {
  await fill(2_000);
  const planned = await shop("plan");
  expect(planned.stdout).toMatch(/medium risk: fails if values are duplicated; .*; reversible at once/);
  expect(planned.stdout).toMatch(/about [\d.]+ KiB and \d+ ms: 2,000 documents to read/);
  const { steps } = JSON.parse((await shop("plan", "--json")).stdout);
  expect(steps[0]).toMatchObject({
    estimate: { documents: 2_000, bytes: expect.any(Number), buildMs: expect.any(Number) },
    reason: expect.any(String),
    risk: expect.any(String),
    reversible: true,
  });
});

describe("dropping an index", () => {
  test("hides and observes, and drops in a later run with --run", async () => {
    await fill(200);
    await shop("setup");
    await orders().createIndex({ own: 1 });
    const planned = await shop("plan", "--drop", "orders.own_1");
    expect(planned.stdout).toContain("hide and observe orders.own_1");
    expect(planned.stdout).toContain("Carry it out with org-db apply --drop orders.own_1. Plan ");
    const hidden = await shop("apply", "--drop", "orders.own_1", "--observe", "0");
    expect(hidden.exitCode).toBe(0);
    expect(hidden.stdout).toMatch(
      /^watched hide and observe orders\.own_1\n +observed until 2\d{3}-.*\n +it is hidden; /,
    );
    expect((await shop("plan", "--check")).exitCode).toBe(0);
    const waiting = await shop("apply");
    expect(waiting).toMatchObject({
      exitCode: 2,
      stdout: expect.stringContaining("carry it out with --run"),
    });
    expect(await indexNames()).toContain("own_1");
    const dropped = await shop("apply", "--run");
    expect(dropped.stdout).toContain("done    drop unless missed orders.own_1");
    expect(await indexNames()).not.toContain("own_1");
  });

  test("one that nothing can watch stays hidden, and what would watch it is said", async () => {
    const unnamed = (...args: string[]) => orgDb([...args, "--config", configs.plain, "--uri", database.uri]);
    const things = database.connection.collection("things");
    await things.createIndex({ own: 1 });
    const hidden = await unnamed("apply", "--drop", "things.own_1", "--observe", "0");
    expect(hidden.stdout).toContain("no named query is on things; db.setProfilingLevel(1, { slowms: 100 })");
    expect((await unnamed("apply", "--run")).stdout).toContain("nothing can watch it");
    expect((await things.indexes()).map(({ name }) => name)).toContain("own_1");
  });

  test("an index that a named query misses is visible again, and the query is named", async () => {
    await fill(300);
    await shop("setup");
    // Hand-made, and just what the configuration's query on the status runs on.
    await orders().createIndex({ status: 1 });
    await shop("apply", "--drop", "orders.status_1");
    const result = await shop("apply");
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(
      /unhid +drop unless missed orders\.status_1\n +openOrders now scans the collection/,
    );
  });

  test("the plan names each command that it takes, quoted for a shell", async () => {
    await orders().createIndex({ own: 1 }, { name: "it's own" });
    const said = async () => (await shop("plan", "--drop", "orders.it's own")).stdout;
    const apply = "org-db apply --drop 'orders.it'\\''s own'. Plan ";
    expect(await said()).toContain(`Carry it out with org-db setup, then ${apply}`);
    await shop("setup");
    expect(await said()).toContain(`Carry it out with ${apply}`);
  });

  test("one that the models declare is refused", async () => {
    await shop("setup");
    const refused = await shop("apply", "--drop", "orders.number_1", "--run");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("INVALID_OPTIONS");
    expect(await indexNames()).toContain("number_1");
  });
});

describe("rollback", () => {
  test("shows the way back, goes it with --run, and has it in the journal", async () => {
    await fill(10);
    await shop("apply");
    const shown = await shop("rollback");
    expect(shown.exitCode).toBe(2);
    expect(shown.stdout).toMatch(/^Reverses run 2\d{3}-.* by .+@.+ at /);
    expect(shown.stdout).toContain("drop again orders.number_1");
    expect(await indexNames()).toContain("number_1");
    const gone = await shop("rollback", "--run");
    expect(gone.exitCode).toBe(0);
    expect(await indexNames()).toEqual(["_id_"]);
    const listed = JSON.parse((await shop("rollback", "--list", "--json")).stdout);
    expect(listed.runs.map(({ kind }: { kind: string }) => kind)).toEqual(["rollback", "apply"]);
    const table = (await shop("rollback", "--list")).stdout;
    expect(table).toMatch(/^run +kind +state +plan +by/);
    for (const { planHash } of listed.runs) expect(table).toContain(` ${planHash.slice(0, 12)} `);
    const nothing = await shop("rollback");
    expect(nothing.exitCode).toBe(1);
    expect(nothing.stderr).toMatch(/NOTHING_TO_ROLL_BACK .*\nSee the journal with rollback --list\.\n$/);
    for (const more of [["--run"], ["--id", "x"]])
      expect((await shop("rollback", "--list", ...more)).stderr).toContain("cannot be used with");
  });

  test("leaves alone what was changed since: exit 2, and named", async () => {
    await shop("apply");
    await orders().dropIndex("updatedAt_1");
    await orders().createIndex({ updatedAt: 1 }, { sparse: true });
    const result = await shop("rollback", "--run");
    expect(result.exitCode).toBe(2);
    expect(result.stdout).toContain("refused orders.updatedAt_1: it was changed since, and is left alone");
    const again = await shop("rollback");
    expect(again.exitCode).toBe(2);
    expect(again.stdout).toMatch(
      /left alone\nNothing else is to be reversed; an older run is named with --id\.\n$/,
    );
  });
});

describe("advise", () => {
  test("shows what an index saves and costs, and why others are not advised", async () => {
    await fill(3_000);
    await shop("apply");
    const result = await shop("advise");
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain('advice db.orders.createIndex({ status: 1 }, { name: "status_1" })');
    expect(result.stdout).toMatch(/openOrders: 3,000 read, .* \(scan\) -> 300 read/);
    expect(result.stdout).toMatch(/costs about [\d.]+ KiB; writes from .* for 200 inserts/);
    expect(result.stdout).toMatch(/no_waste orders for ordersOfCustomer/);
    const data = JSON.parse((await shop("advise", "--json")).stdout);
    expect(data.advice).toHaveLength(1);
    expect(JSON.stringify(data)).not.toContain('"open"');
  });

  test("a sample of no documents makes no sense", async () => {
    expect(await shop("advise", "--sample", "0")).toMatchObject({ exitCode: 1, stdout: "" });
    expect(await shop("advise", "--min-waste", "-1")).toMatchObject({ exitCode: 1, stdout: "" });
    expect(await shop("apply", "--observe", "soon")).toMatchObject({ exitCode: 1, stdout: "" });
  });
});
