import type { Identity } from "@org/db-models";
import { expect, test } from "vitest";
import { password, someone, useIdentity } from "./support.js";

const setting = useIdentity();

test("a profile that is written while an older one is read is not taken for the older one", async () => {
  const { identity } = setting;
  let isLate = false;
  // The profile that a sign-in has read is old when it goes on: everything learnt has been written meanwhile.
  const risk: Identity["risk"] = {
    ...identity.risk,
    readKnowledge: async (input) => {
      const known = await identity.risk.readKnowledge(input);
      if (isLate) await identity.flush();
      return known;
    },
  };
  const app = await setting.app({ identity: { ...identity, risk }, riskPolicy: "balanced" });
  const { email, userId } = await someone(app);
  const signIn = () =>
    app.inject({ method: "POST", url: "/v1/sessions", payload: { identifier: email, password } });
  isLate = true;
  for (let more = 0; more < 3; more++) {
    expect((await signIn()).statusCode).toBe(201);
    await setting.settle();
  }
  await identity.flush();
  const stored = await identity.models.LoginProfile.findOne({ subject: "user", key: userId }).lean();
  // Two by somebody(), and three more.
  expect(stored?.profile).toMatchObject({ learned: 5 });
});
