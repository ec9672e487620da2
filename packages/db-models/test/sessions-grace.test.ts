import { beforeAll, expect, it } from "vitest";
import {
  duration,
  type IdentityModels,
  listSecurityEvents,
  openSession,
  refreshSession,
  validateSession,
} from "../src/index.js";
import { makeUser, useIdentityDatabase } from "./database.js";

const now = new Date("2096-06-01T12:00:00.000Z");
const after = (ms: number) => new Date(now.getTime() + ms);
const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

it("a retry within its token's grace is no theft, though the session was rotated again meanwhile", async () => {
  const user = await makeUser(models);
  const { token: first } = await openSession(models, { userId: user._id }, now);
  const second = await refreshSession(models, first, now);
  if (!second.refreshed) throw new Error(second.reason);
  const third = await refreshSession(models, second.token, after(5 * duration.second));
  if (!third.refreshed) throw new Error(third.reason);
  const at = after(10 * duration.second);
  expect(await validateSession(models, first, at)).toMatchObject({ active: true });
  expect(await refreshSession(models, first, at)).toMatchObject({
    refreshed: true,
    retried: true,
    token: third.token,
  });
  expect(await listSecurityEvents(models, { userId: user._id })).toEqual([]);
});

it("a hundred parallel chains of refreshes, each going on with what it got, stay one lineage", async () => {
  const user = await makeUser(models);
  const { token } = await openSession(models, { userId: user._id }, now);
  const chain = async () => {
    let last = token;
    for (let use = 0; use < 5; use++) {
      const result = await refreshSession(models, last, now);
      if (!result.refreshed) throw new Error(result.reason);
      last = result.token;
    }
    return last;
  };
  const ends = await Promise.all(Array.from({ length: 100 }, chain));
  for (const end of ends) expect(await validateSession(models, end, now)).toMatchObject({ active: true });
  expect(await listSecurityEvents(models, { userId: user._id })).toEqual([]);
});
