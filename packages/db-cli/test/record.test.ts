import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect } from "vitest";
import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "cli", per: "test" });
const cli = async (...args: string[]) => {
  const ran = await orgDb([...args, "--config", configs.recorded, "--uri", database.uri]);
  expect(ran.stderr).not.toContain("_FAILED");
  return ran.exitCode;
};
const heard = async () =>
  (await database.connection.collection("heard").find().sort({ _id: 1 }).toArray()).map(
    ({ kind, operation, code, outcome }) => [kind, operation ?? code, outcome],
  );

needs("clusterMonitoring")(
  "what the commands change, and what health finds about security, reach the record of the configuration",
  async () => {
    await cli("plan");
    expect(await heard()).toEqual([]);
    expect(await cli("setup")).toBe(0);
    expect(await cli("cleanup")).toBe(0);
    await database.connection.collection("orders").insertOne({ at: new Date(0) });
    expect(await cli("cleanup", "--run")).toBe(0);
    await database.connection.collection("orders").dropIndex("at_1");
    expect(await cli("apply")).toBe(0);
    expect(await cli("rollback", "--run")).toBe(0);
    await cli("health");
    expect(await heard()).toEqual([
      ["operation", "setup", "success"],
      ["operation", "cleanup", "success"],
      ["operation", "apply", "success"],
      ["operation", "rollback", "success"],
      ["security_finding", "AUTHENTICATION_OFF", undefined],
    ]);
  },
);
