import { setTimeout } from "node:timers/promises";
import { type FlakyProxy, flakyProxy } from "@org/dev-kit/flaky-proxy";
import { allNeed, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { configs, orgDb } from "./support.js";

allNeed("clusterMonitoring");
const database = useTemporaryDatabase({ label: "cli_cleanup", per: "test" });
const argsOf = (args: readonly string[], uri = database.uri) => [
  ...["cleanup", ...args, "--config", configs.shop, "--uri", uri],
];
const shop = (...args: string[]) => orgDb(argsOf(args));
const orders = () => database.connection.collection("orders");
const json = async (...args: string[]) => JSON.parse((await shop(...args, "--json")).stdout);
const small = ["--run", "--max-slowdown", "off", "--batch", "10"];

let line: FlakyProxy;

beforeEach(async () => {
  line = await flakyProxy(database.uri);
  await orders().createIndex({ updatedAt: 1 });
  const updatedAt = new Date("2025-01-01T00:00:00Z");
  await orders().insertMany(Array.from({ length: 1_500 }, (_, number) => ({ number, updatedAt })));
});

afterEach(() => line.stop());

/**
 * A run of 150 batches on a line that takes 0.1 s each way until the line is set open: it cannot end before others have seen
 * it run.
 */
function slowRun(options: Parameters<typeof orgDb>[1] = {}) {
  line.set({ delayMs: 100 });
  return orgDb(argsOf(small, line.uri), options);
}

/** Waits until the newest run is in this state. */
async function newestIs(state: string): Promise<void> {
  while ((await json("--status")).runs[0]?.state !== state) await setTimeout(20);
}

describe("steering a run from another process", () => {
  test("pause, status, resume: it waits in between and finishes", async () => {
    const running = slowRun();
    const farRow = /old-orders +orders +[1-9][\d,]* +1,500 +[\d,]+ per \w+ +\d.*\n/;
    while (!farRow.test((await shop("--status")).stdout)) await setTimeout(20);
    expect((await shop("--pause")).stdout).toContain("Asked it to pause");
    line.set("open");
    await newestIs("paused");
    const left = await orders().countDocuments();
    const status = await shop("--status");
    expect(status.stdout).toMatch(/paused \(pause asked for\) +a user asked for a pause/);
    expect(status.stdout).toMatch(farRow);
    expect(status.stdout).not.toContain("gone");
    expect(await orders().countDocuments()).toBe(left);
    expect((await shop("--resume")).stdout).toContain("Asked it to continue");
    expect(await running).toMatchObject({ exitCode: 0 });
    expect(await orders().countDocuments()).toBe(0);
  });

  test("cancel: it ends after the batch under way, and the next run is a new one", async () => {
    const running = slowRun();
    await newestIs("running");
    await shop("--cancel");
    line.set("open");
    const ended = await running;
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended.stdout).toContain("Cancelled from outside.");
    expect(await orders().countDocuments()).toBeGreaterThan(0);
    expect(await json("--run", "--max-slowdown", "off")).toMatchObject({ resumed: false, stopped: false });
  });

  test("whose process was killed: status, pause, resume and cancel say so", async () => {
    const stop = new AbortController();
    const running = slowRun({
      onInterrupt: (listener) => {
        stop.signal.addEventListener("abort", listener);
        return () => undefined;
      },
    });
    await newestIs("running");
    stop.abort();
    line.set("open");
    await running;
    const runs = database.connection.collection("org_db_runs");
    await runs.updateOne({}, { $set: { state: "running" } });
    expect((await shop("--status")).stdout).toContain("Its process is gone: the next --run continues it.");
    expect((await shop("--pause")).stdout).toBe(
      "No process is running it. The next --run starts paused, until --resume.\n",
    );
    expect((await shop("--resume")).stdout).toBe("No process is running it. Continue with --run.\n");
    expect((await shop("--cancel")).stdout).toBe("No process was running it; it is cancelled.\n");
    expect((await shop("--status")).stdout).not.toContain("gone");
  });

  test("with nothing to steer: a code, and what to look at", async () => {
    expect((await shop("--status")).stdout).toBe("There was no cleanup yet.\n");
    const result = await shop("--pause");
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/NO_RUN .*\n.*--status/);
  });

  test.each([
    [["--run", "--pause"], "--run and --pause do not go together"],
    [["--status", "--cancel"], "--status and --cancel do not go together"],
    [["--ttl", "--rule", "old-orders"], "does not go with --rule"],
  ])("%j is refused", async (args, message) => {
    const result = await shop(...args);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
  });

  test.each([
    [["--window", "1-5"], "01:00-05:00"],
    [["--batch", "0"], "1 to 999999"],
    [["--unwatched", "mood"], "indexBuild"],
    [["--run", "--window", "25:00-26:00"], "The window is wrong"],
    [["--run", "--window", "01:00-05:00", "--time-zone", "Mars"], "IANA"],
  ])("%j is refused", async (args, message) => {
    const result = await shop(...args);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
    expect(await orders().countDocuments()).toBe(1_500);
  });
});

test("outside its window a run waits, and says why", async () => {
  // It is midnight to the command.
  const running = shop("--run", "--window", "01:00-05:00");
  await newestIs("paused");
  expect((await shop("--status")).stdout).toContain("it works from 01:00 to 05:00, UTC");
  await shop("--cancel");
  await running;
  expect(await orders().countDocuments()).toBe(1_500);
});

describe("what a run says that it does", () => {
  const keeping = (...args: string[]) =>
    orgDb(["cleanup", "--config", configs.keeping, "--uri", database.uri, ...args]);

  test("is what its rules do: delete, archive, anonymise", async () => {
    const updatedAt = new Date("2020-01-01T00:00:00Z");
    const people = database.connection.collection("people");
    await people.createIndex({ updatedAt: 1 });
    await people.insertMany([1, 2, 3].map((number) => ({ number, updatedAt })));
    const dry = await keeping();
    expect(dry.stdout).toContain("nothing was changed. Archive 1,500 and anonymise 3 documents with --run");
    expect(dry.stdout).toMatch(/typo +nowhere +0 +0 B +0 s +\(nothing there\)/);
    const run = await keeping("--run", "--max-slowdown", "off");
    expect(run.stdout).toContain("Archived 1,500 and anonymised 3 documents in ");
    expect((await keeping()).stdout).toContain("There is nothing to do.");
  });

  test("a file that cannot be written: nothing is deleted, and it says what to do", async () => {
    const refused = await orgDb(["cleanup", "--config", configs.unwritable, "--uri", database.uri, "--run"]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/ARCHIVE_FAILED .*\nNothing was deleted that is not in the archive/);
    expect(await orders().countDocuments()).toBe(1_500);
  });
});

test.each([0, undefined, 60])(
  "on a terminal of %j columns a line of progress is whole, or cut",
  async (columns) => {
    let told = "";
    const stderr = { write: (text: string) => (told += text), isTTY: true, columns };
    const args = [
      "cleanup",
      "--run",
      "--max-slowdown",
      "off",
      "--config",
      configs.shop,
      "--uri",
      database.uri,
    ];
    let looks = 0;
    const now = () => new Date(Date.parse("2025-05-01T00:00:00Z") + 1_000 * looks++);
    await orgDb(args, { stderr, now });
    // The count may come after the first batch, and a line before it tells no total.
    const lines = told.split("\r").map((line) => line.trimEnd());
    expect(lines).toContainEqual(expect.stringMatching(/^old-orders: [\d,]+ of 1,500 \(\d+ %\)(, .*)?$/));
  },
);

test("a dry run says how long it would take, and by what it knows", async () => {
  expect((await shop()).stdout).toContain(
    "Remove 1,500 documents with --run, in about 1.5 s (assumed, until a run has measured it).",
  );
});

test("--ttl names what the TTL monitor has not got round to, and only that", async () => {
  expect((await shop("--ttl")).stdout).toBe("The TTL monitor keeps up.\n");
  // The monitor goes by the server's clock, by which nothing of this expires for decades; the command's is ahead.
  const decades = 60 * 365 * 86_400;
  const carts = database.connection.collection("carts");
  await carts.createIndex({ at: 1 }, { expireAfterSeconds: decades });
  const hour = 3_600_000;
  const expiry = Date.parse("2090-01-01T00:00:00Z");
  const at = (ms: number) => new Date(expiry - decades * 1_000 - ms);
  await carts.insertMany([{ at: at(hour) }, { at: at(2 * hour) }, { at: at(-hour) }]);
  const args = ["cleanup", "--ttl", "--config", configs.shop, "--uri", database.uri];
  const ahead = { now: () => new Date(expiry) };
  const counted = await orgDb(args, ahead);
  expect(counted).toMatchObject({ exitCode: 0 });
  expect(counted.stdout).toMatch(/ttl:0:carts\.at_1 +carts +2 /);
  const refused = await orgDb([...args, "--run"], ahead);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("CLOCK_AHEAD");
  expect(await carts.countDocuments()).toBe(3);
});
