import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { describe, expect, test } from "vitest";

import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "cli", per: "test" });

const shop = (...args: string[]) => orgDb([...args, "--config", configs.shop, "--uri", database.uri]);
const orders = () => database.connection.collection("orders");

async function fill(count: number, at = new Date("2025-01-01T00:00:00Z")) {
  const documents = Array.from({ length: count }, (_, number) => ({
    number,
    status: "open",
    customer: `c${number % 50}`,
    updatedAt: at,
  }));
  await orders().insertMany(documents);
}

describe("setup, plan, apply", () => {
  test("from nothing to in sync, each run saying what it did", async () => {
    const before = await shop("plan");
    expect(before.exitCode).toBe(2);
    expect(before.stdout).toContain("create collection orders");
    expect(before.stdout).toContain(
      'db.orders.createIndex({ customer: 1, updatedAt: -1 }, { name: "by_customer" })',
    );
    const first = await shop("setup");
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toContain("done    create index orders.number_1");
    expect(first.stdout).toContain("ok      indexes: all as declared");
    const second = await shop("setup");
    expect(second).toMatchObject({
      exitCode: 0,
      stdout: "Nothing changed: the database was set up already.\n",
    });
    const after = await shop("plan");
    expect(after).toMatchObject({
      exitCode: 0,
      stdout: `In sync: the database ${database.name} is as the models declare.\n`,
    });
    expect((await shop("apply")).stdout).toBe("In sync: nothing to do.\n");
  });

  test("apply makes indexes only, and leaves the user's own alone", async () => {
    await orders().createIndex({ own: 1 });
    const applied = await shop("apply");
    expect(applied.exitCode).toBe(0);
    expect((await orders().listIndexes().toArray()).map(({ name }) => name)).toContain("own_1");
    const planned = await shop("plan");
    expect(planned.exitCode).toBe(2); // the validator is setup's
    expect(planned.stdout).toContain("note: orders.own_1 is not declared; it is left alone");
    const going = await shop("plan", "--drop", "orders.own_1");
    expect(going.stdout).toContain("hide and observe orders.own_1");
    expect(going.stdout).not.toContain("left alone");
  });

  test("setup says of what is left that it is left, and where it is shown", async () => {
    await shop("setup");
    await orders().dropIndex("by_customer");
    await orders().createIndex({ customer: 1 }, { name: "by_customer" });
    const { exitCode, stdout } = await shop("setup");
    expect(exitCode).toBe(2);
    expect(stdout).toBe(
      [
        "Nothing changed.",
        "",
        "ok      collections: all exist",
        "ok      validators: all as declared",
        "not yet indexes: orders.by_customer differs",
        "What is left, and what it takes: org-db plan.",
        "",
      ].join("\n"),
    );
  });

  test("replaces an index only with --run", async () => {
    await orders().createIndex({ customer: 1 }, { name: "by_customer" });
    const additive = await shop("apply");
    expect(additive.exitCode).toBe(2);
    expect(additive.stdout).toContain("waits   rebuild orders.by_customer");
    const replacing = await shop("apply", "--run");
    expect(replacing.exitCode).toBe(0);
    expect(replacing.stdout).toContain("done    rebuild orders.by_customer");
  });

  test("JSON goes to stdout alone", async () => {
    const planned = await shop("plan", "--json");
    expect(planned.stderr).toBe("");
    expect(JSON.parse(planned.stdout)).toMatchObject({
      inSync: false,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      collections: [{ kind: "createCollection", collection: "orders" }],
      steps: expect.arrayContaining([
        expect.objectContaining({ kind: "create", index: "number_1", risk: "medium" }),
      ]),
    });
    expect(JSON.parse((await shop("setup", "--json")).stdout)).toMatchObject({ changed: true, ready: true });
    expect(JSON.parse((await shop("setup", "--json")).stdout)).toMatchObject({ changed: false, ready: true });
  });

  test("a unique index that cannot be built names the duplicates; the rest is done", async () => {
    await orders().insertMany([{ number: 7 }, { number: 7 }, { number: 8 }]);
    const result = await shop("setup");
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(
      /failed {2}create index orders\.number_1\n\s+DUPLICATES .*\{"number":7\} 2 times/,
    );
    expect(result.stdout).toContain("done    create index orders.by_customer");
    expect(result.stdout).toContain("not yet indexes: orders.number_1 is missing");
    const asData = JSON.parse((await shop("apply", "--json")).stdout);
    expect(asData.steps[0].error).toMatchObject({
      code: "DUPLICATES",
      details: { duplicates: [{ value: { number: 7 } }] },
    });
  });

  test("validators refuse only once no sampled document fails, or with --run", async () => {
    await shop("setup");
    await orders().insertMany([{ number: 1 }, { number: "two" }, {}]);
    const waiting = await shop("setup", "--validators", "error");
    expect(waiting.exitCode).toBe(2);
    expect(waiting.stdout).toContain(
      "waits   validator of orders only warns: 2 of 3 sampled documents would fail",
    );
    expect(waiting.stdout).toContain("number missing (1), number type (1); fix them");
    await orders().insertOne({ number: "three" });
    const raised = await shop("setup", "--validators", "error", "--run");
    expect(raised.exitCode).toBe(0);
    await expect(orders().insertOne({ number: "four" })).rejects.toMatchObject({ code: 121 });
    expect((await shop("setup", "--validators", "off")).exitCode).toBe(1);
  });

  test("another process at it: exit 4", async () => {
    const leases = database.connection.collection<{ _id: string; owner: string; expiresAt: Date }>(
      "org_db_leases",
    );
    await leases.insertOne({ _id: "setup", owner: "another", expiresAt: new Date(Date.now() + 60_000) });
    const result = await shop("apply");
    expect(result).toMatchObject({ exitCode: 4, stdout: "" });
    expect(result.stderr).toContain("LOCKED");
  });
});

describe("cleanup", () => {
  needs("clusterMonitoring")("counts without --run, removes with it, and reports the impact", async () => {
    await fill(1_500);
    await orders().insertOne({ number: -1, updatedAt: new Date("2025-05-01T00:00:00Z") });
    await shop("setup");
    const dry = await shop("cleanup");
    expect(dry.exitCode).toBe(0);
    expect(dry.stdout).toContain("Dry run: nothing was changed. Remove 1,500 documents with --run, in about");
    expect(await orders().countDocuments()).toBe(1_501);
    const run = await shop("cleanup", "--run", "--max-slowdown", "off");
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain("1,501 -> 1");
    expect(run.stdout).toMatch(/named queries +p50 +p95 +samples/);
    expect(run.stdout).toContain("Removed 1,500 documents");
    expect(run.stderr).toContain("old-orders: 1,000 of 1,500 (66 %)");
    expect(await orders().countDocuments()).toBe(1);
  });

  needs("clusterMonitoring")("a rule without an index is refused, unless a scan is allowed", async () => {
    await fill(3);
    const refused = await shop("cleanup", "--run");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/RULE_NEEDS_INDEX .*old-orders.*createIndex/);
    expect(await orders().countDocuments()).toBe(3);
    expect((await shop("cleanup", "--run", "--allow-collection-scan")).exitCode).toBe(0);
    expect(await orders().countDocuments()).toBe(0);
  });

  test("an unknown rule is a mistake of the caller's", async () => {
    const result = await shop("cleanup", "--rule", "odl");
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain('No cleanup rule is named "odl"; there are: old-orders');
  });

  needs("clusterMonitoring")("Ctrl-C stops between batches, says so, and the next run goes on", async () => {
    await fill(3_000);
    await shop("setup");
    let press: () => void = () => undefined;
    const args = [
      "cleanup",
      "--run",
      "--max-slowdown",
      "off",
      "--json",
      "--config",
      configs.shop,
      "--uri",
      database.uri,
    ];
    let stderr = "";
    const stopped = await orgDb(args, {
      onInterrupt: (listener) => {
        press = listener;
        return () => undefined;
      },
      stderr: {
        write: (text) => {
          stderr += text;
          if (text.startsWith("old-orders")) press();
        },
      },
    });
    expect(stopped.exitCode).toBe(130);
    expect(stderr).toContain("Stopping after what is under way");
    expect(JSON.parse(stopped.stdout)).toMatchObject({ stopped: true, rules: [{ deleted: 1_000 }] });
    expect(await orders().countDocuments()).toBe(2_000);
    expect((await shop("cleanup", "--run", "--max-slowdown", "off")).exitCode).toBe(0);
    expect(await orders().countDocuments()).toBe(0);
  });
});

test("Ctrl-C during setup stops between steps with 130", async () => {
  let press: () => void = () => undefined;
  const result = await orgDb(["apply", "--config", configs.shop, "--uri", database.uri], {
    onInterrupt: (listener) => {
      press = listener;
      return () => undefined;
    },
    stderr: { write: (text) => text.startsWith("[1/3]") && press() },
  });
  expect(result.exitCode).toBe(130);
  expect((await shop("apply")).exitCode).toBe(0);
});

describe("health", () => {
  test("drift is exit 2, with the command that fixes it", async () => {
    const result = await shop("health");
    expect(result.exitCode).toBe(2);
    expect(result.stdout).toMatch(/Health of tmp_cli_\w+: \d+ of 100/);
    expect(result.stdout).toContain("org-db");
  });

  needs("clusterMonitoring", "indexStats")("a database that is set up is well", async () => {
    await fill(10);
    await shop("setup");
    const result = await shop("health");
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(/indexes +100 +30 %/);
    expect(result.stdout).not.toMatch(/^critical/m);
    const data = JSON.parse((await shop("health", "--json")).stdout);
    expect(data).toMatchObject({
      score: expect.any(Number),
      parts: expect.any(Array),
      findings: expect.any(Array),
    });
  });
});

test("optimize shows each query's plan, and advises on the one without an index", async () => {
  await fill(500);
  // An index on a value that all documents have saves nothing: neither optimize nor advise proposes it.
  await orders().insertMany(
    Array.from({ length: 1_000 }, (_, at) => ({ number: 1_000 + at, status: "paid", customer: "c99" })),
  );
  await shop("setup");
  const result = await shop("optimize", "--rounds", "3");
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toMatch(/ordersOfCustomer +orders +by_customer +10 +10/);
  expect(result.stdout).toMatch(/openOrders +orders +scan +1,500 +500/);
  expect(result.stdout).toContain("Index hit ratio: 50.0 % of 2 queries");
  expect(result.stdout).toContain("db.orders.createIndex({ status: 1 })");
  expect(JSON.parse((await shop("optimize", "--json")).stdout)).toMatchObject({ indexHitRatio: 0.5 });
});

test("optimize before setup: nothing serves a query whose collection is not there, and no index is missed there", async () => {
  const { exitCode, stdout } = await shop("optimize");
  expect(exitCode).toBe(0);
  expect(stdout).toContain(
    "2 queries had nothing to read: no such collection yet, or no value that can match.",
  );
  expect(stdout).not.toMatch(/Index hit ratio|is served by/);
});

test("storage shows each collection, and the array that grows", async () => {
  await orders().insertMany(
    Array.from({ length: 20 }, (_, number) => ({ number, lines: Array(number === 3 ? 600 : 2).fill("x") })),
  );
  const result = await shop("storage");
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toMatch(/orders +20 .* lines 600/);
  expect(result.stdout).toMatch(
    /Collection orders has an array .* ARRAY_UNBOUNDED\n +lines has 600 elements in document \w+, and 2 /,
  );
  expect(JSON.parse((await shop("storage", "--json")).stdout)).toMatchObject({
    findings: [{ code: "ARRAY_UNBOUNDED", part: "schema", severity: "info", subject: "orders" }],
  });
  expect((await shop("storage", "--sample", "200000")).stderr).toContain("from 1 to 100000");
});

test("storage of every document finds the one array among many, and its run is steered like any other", async () => {
  await orders().insertMany(
    Array.from({ length: 3_000 }, (_, number) => ({
      number,
      lines: Array(number === 2_345 ? 900 : 2).fill("x"),
    })),
  );
  const result = await shop("storage", "--sample", "1", "--every-document", "--max-slowdown", "off");
  expect(result.exitCode).toBe(0);
  expect(result.stdout).toMatch(/orders +3,000 .* lines 900/);
  expect(result.stdout).toContain("3000 sampled");
  const status = await shop("storage", "--status", "--json");
  expect(JSON.parse(status.stdout)).toMatchObject({
    runs: [{ job: "storage", state: "succeeded", result: { documents: 3_000 } }],
  });
  expect(await shop("storage", "--pause")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("NO_RUN"),
  });
  expect((await shop("storage", "--pause", "--cancel")).stderr).toContain("do not go together");
});

test.each(["plain", "commonjs"] as const)("a %s configuration works as well", async (name) => {
  const config = configs[name];
  const result = await orgDb(["apply", "--config", config, "--uri", database.uri]);
  expect(result).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining("CONFIG") });
  expect(result.stdout).toContain("create index things.a_1");
});

test("colours on a terminal only, and not with NO_COLOR", async () => {
  const run = async (env: Record<string, string>) => {
    let text = "";
    const stdout = { isTTY: true, write: (part: string) => (text += part) };
    await orgDb(["plan", "--config", configs.shop, "--uri", database.uri], { stdout, env });
    return text;
  };
  const esc = String.fromCharCode(27);
  expect(await run({})).toContain(`${esc}[`);
  expect(await run({ NO_COLOR: "1" })).not.toContain(esc);
});
