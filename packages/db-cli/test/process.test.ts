import { constants, getPriority } from "node:os";
import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { expect, test, vi } from "vitest";

import { startOrgDb as start } from "./org-db-process.js";
import { configs } from "./support.js";

const database = useTemporaryDatabase({ label: "process", per: "test" });

// Each start compiles the command, which takes long on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

test("takes the connection string from MONGODB_URI and answers by its exit code", async () => {
  const args = ["--config", configs.shop];
  const env = { MONGODB_URI: database.uri };
  expect(await start(["plan", ...args], env)).toMatchObject({ code: 2 });
  expect(await start(["setup", ...args], env)).toMatchObject({ code: 0 });
  expect(await start(["plan", ...args], env)).toMatchObject({ code: 0 });
  expect(await start(["plan", "--config", "absent.ts"], env)).toMatchObject({ code: 1, stdout: "" });
});

needs("clusterMonitoring")(
  "SIGINT during cleanup: lets others go first until then, stops after the batch, says so, exits with 130, and can be run again",
  async () => {
    const orders = database.connection.collection("orders");
    await orders.createIndex({ updatedAt: 1 });
    const updatedAt = new Date("2020-01-01T00:00:00Z");
    await orders.insertMany(Array.from({ length: 6_000 }, (_, number) => ({ number, updatedAt })));
    const args = ["cleanup", "--run", "--config", configs.shop];
    let interrupted = false;
    let priority: number | undefined;
    // A pause of many batch times leaves room for the signal to arrive between two batches.
    const stopped = await start(
      [...args, "--max-share", "0.05"],
      { MONGODB_URI: database.uri },
      (stderr, child) => {
        if (interrupted || !stderr.includes("old-orders:")) return;
        interrupted = true;
        priority = getPriority(child.pid);
        child.kill("SIGINT");
      },
    );
    expect(stopped.code).toBe(130);
    expect(priority).toBe(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
    expect(stopped.stderr).toContain("Stopping after what is under way");
    expect(stopped.stdout).toContain("Run it again to continue: nothing is lost.");
    const left = await orders.countDocuments();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(6_000);
    expect(await start([...args, "--max-slowdown", "off"], { MONGODB_URI: database.uri })).toMatchObject({
      code: 0,
    });
    expect(await orders.countDocuments()).toBe(0);
  },
);
