// Source: public projects with hundreds of models (erxes, novu), one of which contradicts itself. Input: 60 collections, a
// contradiction and a discriminator. Right: the contradiction is named with what differs, all else is set up, many steps are
// counted, and a run can be about some collections only.
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, inject, test } from "vitest";
import { groupsOf, someNames } from "../../src/output/groups.js";
import { configs, orgDb } from "../support.js";

const database = useTemporaryDatabase({ label: "selection", per: "test" });

const many = (...args: string[]) => orgDb([...args, "--config", configs.many, "--uri", database.uri]);

test("plan counts many steps by kind, and names what contradicts itself", async () => {
  const { exitCode, stdout } = await many("plan");
  expect(exitCode).toBe(2);
  expect(stdout).toMatch(/Model Asset \(assets\), index on code: .*unique \(false against true\)/);
  expect(stdout).toContain("create collection: 62");
  expect(stdout).toContain("create index: 61, low risk");
  expect(stdout.split("\n").length).toBeLessThan(25);
});

test("only and ignore leave out the others, and refuse names that nothing has", async () => {
  const only = await many("plan", "--only", "many_3", "events", "--json");
  const { collections, steps, faults } = JSON.parse(only.stdout);
  expect(collections.map(({ collection }: { collection: string }) => collection)).toEqual([
    "many_3",
    "events",
  ]);
  expect(steps.map(({ index }: { index: string }) => index)).toEqual(["a_1", "url_1"]);
  expect(faults).toEqual([]);
  expect((await many("setup", "--only", "many_3")).exitCode).toBe(0);
  const rest = await many("apply", "--only", "events", "many_4", "--ignore", "Many4");
  expect(rest.stdout).toContain("create index events.url_1");
  expect(rest.stdout).not.toContain("many_4");
  const names = (await database.connection.db!.listCollections().toArray()).map(({ name }) => name).sort();
  expect(names.filter((name) => !name.startsWith("org_db"))).toEqual(["events", "many_3"]);
  expect((await many("plan", "--only", "nothing")).stderr).toContain(
    "--only nothing: no collection of this name",
  );
  expect((await many("plan", "--ignore", "nobody")).stderr).toContain(
    "--ignore nobody: no model of this name",
  );
  expect((await many("plan", "--ignore", "Click")).stderr).toContain("discriminator of Event");
});

test("doctor names what is wrong, and the next command", async () => {
  const sick = await many("doctor");
  expect(sick.exitCode).toBe(1);
  expect(sick.stdout).toMatch(/declarations: Model Asset/);
  expect(sick.stdout).toContain("Next: change the declarations above");
  const behind = await many("doctor", "--ignore", "Asset");
  expect(behind.exitCode).toBe(2);
  expect(behind.stdout).toContain("Next: org-db setup");
  expect((await many("setup", "--ignore", "Asset")).exitCode).toBe(0);
  const well = await many("doctor", "--ignore", "Asset", "--json");
  // A missing privilege makes a fact unknown; the database is not behind for that.
  const { clusterMonitoring, indexStats } = inject("engine").capabilities;
  expect(well.exitCode).toBe(clusterMonitoring && indexStats ? 0 : 3);
  expect(JSON.parse(well.stdout)).toMatchObject({ next: "org-db health", faults: [] });
});

test("an option in the place of another option's argument is a mistake, in JSON where that is asked for", async () => {
  const { exitCode, stdout } = await many("plan", "--only", "--json");
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout).error).toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("--only <collection...>' argument missing"),
  });
});

test("doctor names each cleanup rule without an index", async () => {
  await database.connection.collection("orders").insertOne({ n: 1 });
  await database.connection.collection("people").insertOne({ n: 1 });
  const { stdout } = await orgDb(["doctor", "--config", configs.keeping, "--uri", database.uri]);
  expect(stdout).toMatch(/not yet cleanup: Cleanup rule "old-orders" .*updatedAt/);
  expect(stdout).toMatch(/not yet cleanup: Cleanup rule "old-people" .*updatedAt/);
  expect(stdout).not.toContain('"typo"');
});

test("setup goes on beside a contradiction, and says so in the exit code", async () => {
  const { exitCode, stdout } = await many("setup");
  expect(exitCode).toBe(1);
  expect(stdout).toContain("fault   Model Asset (assets)");
  expect(await database.connection.collection("many_59").indexes()).toHaveLength(2);
});

test("forty of one kind bury nothing of another", () => {
  const kinds = [...Array<string>(40).fill("redundant"), "broken"];
  const groups = groupsOf(kinds, (kind) => kind, 3);
  expect(groups.map(({ shown, rest }) => [shown.length, rest.length])).toEqual([
    [3, 37],
    [1, 0],
  ]);
  expect(groupsOf(["a", "a", "a", "a"], (kind) => kind, 3)).toMatchObject([{ rest: [] }]);
  expect(someNames(["a", "b", "c"], 1)).toBe("a and 2 more");
});
