import { beforeAll, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import type { IdentityModels } from "../src/index.js";
import { AppUsageRecorder } from "../src/usage/app-recorder.js";
import { readAppUsage } from "../src/usage/app-usage.js";
import { contextAt } from "./context.js";
import { commandsDuring, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const period = { from: after(-duration.day), to: after(2 * duration.day) };
const usageOf = (clientId: string) => readAppUsage(contextAt(models, now), { clientId, ...period });

describe("the use of an app", () => {
  it("costs no write for a request, and one for any number of them", async () => {
    const recorder = new AppUsageRecorder(models);
    const use = { clientId: "counted", endpoint: "POST /oauth/token refresh_token" };
    const counted = await commandsDuring(database(), async () => {
      for (let request = 0; request < 100; request++) recorder.record({ ...use, failed: request < 10 }, now);
      recorder.record({ clientId: "other", endpoint: "GET /oauth/userinfo" }, now);
    });
    expect(counted.commands).toEqual([]);
    expect((await commandsDuring(database(), () => recorder.flush())).commands).toEqual(["update"]);
    expect(await usageOf("counted")).toEqual([
      {
        startedAt: new Date("2096-06-01T00:00:00.000Z"),
        requests: 100,
        failures: 10,
        endpoints: [{ endpoint: use.endpoint, requests: 100, failures: 10, error: 0 }],
      },
    ]);
    expect(await usageOf("nobody")).toEqual([]);
    await new models.AppUsage(await models.AppUsage.findOne({ clientId: "counted" }).lean()).validate();
  });

  it("adds up over processes, a day at a time, the newest first", async () => {
    const recorders = [new AppUsageRecorder(models), new AppUsageRecorder(models)];
    for (const recorder of recorders) {
      recorder.record({ clientId: "shared", endpoint: "GET /a" }, now);
      recorder.record({ clientId: "shared", endpoint: "GET /a" }, after(duration.day));
    }
    await Promise.all(recorders.map((recorder) => recorder.flush()));
    expect(await usageOf("shared")).toMatchObject([
      { startedAt: new Date("2096-06-02T00:00:00.000Z"), requests: 2 },
      { startedAt: new Date("2096-06-01T00:00:00.000Z"), requests: 2 },
    ]);
    const [stored] = await models.AppUsage.find({ clientId: "shared" }).sort({ startedAt: 1 });
    expect(stored?.purgeAt).toEqual(new Date(Date.UTC(2096, 5, 2) + 730 * duration.day));
  });
});
