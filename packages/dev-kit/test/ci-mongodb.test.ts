import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { mongo } from "mongoose";
import { afterAll, describe, expect, test } from "vitest";
import { withDatabase } from "../src/temporary-database.js";

// The script that starts MongoDB for CI jobs, with a fake Docker; no container runs.
const script = fileURLToPath(new URL("../../../scripts/ci/mongodb.sh", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "played-docker-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the script with a Docker that notes what it is asked for, and whose server is ready when `file` is there. */
function withPlayedDocker(ready: boolean, ...args: string[]) {
  const calls = join(folder, "calls");
  writeFileSync(calls, "");
  const docker = `#!/bin/sh
echo "$*" >> "${calls}"
case $1 in exec) exit ${ready ? 0 : 1} ;; inspect) echo false ;; logs) echo "its last words" ;; esac`;
  writeFileSync(join(folder, "docker"), docker);
  chmodSync(join(folder, "docker"), 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, MONGODB_CI_PORT: "30000" };
  const { status, stdout, stderr } = spawnSync(script, args, { encoding: "utf8", env });
  return { status, stdout, stderr, calls: readFileSync(calls, "utf8").trim().split("\n") };
}

describe("the server for a job on MongoDB", () => {
  test.each([
    ["replica-set", "6.0", { replicaSet: "rs0" }],
    ["sharded", "8.0", {}],
    ["limited-user", "7.0", { replicaSet: "rs0", credentials: { username: "tests", source: "admin" } }],
  ])("%s %s prints a connection string, and nothing else, on stdout", (topology, version, expected) => {
    const { status, stdout, calls } = withPlayedDocker(true, topology, version);
    expect([status, stdout.split("\n").length]).toEqual([0, 2]);
    const { options } = new mongo.MongoClient(withDatabase(stdout.trim(), "tmp_test"));
    expect(options).toMatchObject({ dbName: "tmp_test", ...expected });
    expect(options.hosts.map(String)).toEqual(["127.0.0.1:30000"]);
    const run = calls.find((call) => call.startsWith("run "));
    expect(run).toMatch(new RegExp(`mongo:${version} /mongodb-in-container.sh ${topology} 30000$`));
  });

  test("shows the last words of a server that ends, and removes it", () => {
    const { status, stdout, stderr, calls } = withPlayedDocker(false, "replica-set", "8.0");
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("MongoDB 8.0 ended while it started\nits last words");
    expect(calls.at(-1)).toMatch(/^rm --force/);
  });

  test.each([[["sharded"]], [["cluster", "8.0"]], [["sharded", "latest; rm -rf ."]], [[]]])(
    "explains itself, and starts nothing, for %j",
    (args) => {
      const { status, stderr, calls } = withPlayedDocker(true, ...args);
      expect(status).toBe(64);
      expect(stderr).toContain("scripts/ci/mongodb.sh replica-set 7.0");
      expect(calls).toEqual([""]);
    },
  );
});
