import { needs, useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterEach, describe, expect, test, vi } from "vitest";

import { configs, orgDb } from "./support.js";

const database = useTemporaryDatabase({ label: "cli", per: "test" });
afterEach(() => {
  vi.unstubAllEnvs();
});

async function answers(checks: string, exitCode: number, said: string): Promise<void> {
  vi.stubEnv("ORG_DB_TEST_CHECKS", checks);
  await database.connection.createCollection("orders");
  const ran = await orgDb(["health", "--config", configs.checks, "--uri", database.uri]);
  expect(ran.stdout + ran.stderr).toContain(said);
  expect(ran.exitCode).toBe(exitCode);
  expect(ran.stdout).not.toContain("whole");
}

// All else is well only for a user who may look at all else.
describe("a check of the project's own, all else being well", () => {
  needs("clusterMonitoring")("that is broken: exit 0", () =>
    answers("broken", 0, "critical The audit log is broken CHECK_FAILED\n         audit: event 7"),
  );
  needs("clusterMonitoring")("that is fine: exit 0", () => answers("fine", 0, "Health of"));
});

test.each<[checks: string, exitCode: number, said: string]>([
  ["throws", 3, "check audit\x20UNKNOWN"],
  ["answer", 1, "INVALID_OPTIONS The health check audit answered wrongly: ok: "],
  ["nameless", 1, "INVALID_OPTIONS The health checks are wrong: 0.name: must be 1 to 64 letters"],
  ["notAList", 1, "CONFIG_INVALID"],
])("a check of the project's own that is %s: exit %i", answers);
