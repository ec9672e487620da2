import { beforeAll, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import type { IdentityModels } from "../src/index.js";
import { createLoginChallenge, verifyLoginChallenge } from "../src/logins/challenges.js";
import { contextAt } from "./context.js";
import { makeUser, separateModels, useIdentityDatabase } from "./database.js";
import { after, now } from "./moment.js";
import { dumpOf, foundIn } from "./person.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});

const risk = { score: 40, level: "medium" as const, reasons: ["new_country"] };
async function challenge() {
  const { _id: userId } = await makeUser(models);
  const created = await createLoginChallenge(contextAt(models, now), { userId, sessionGeneration: 3, risk });
  return { userId, ...created };
}
const other = (code: string) => `${code.slice(0, 7)}${(Number(code[7]) + 1) % 10}`;

describe("a sign-in challenge", () => {
  it("passes once with its token and code, and gives back what it was asked for", async () => {
    const { userId, token, code } = await challenge();
    const passed = { ok: true, userId, sessionGeneration: 3, risk };
    expect(await verifyLoginChallenge(contextAt(models, after(1)), { token, code })).toMatchObject(passed);
    expect(await verifyLoginChallenge(contextAt(models, after(2)), { token, code })).toEqual({
      ok: false,
      reason: "used",
      userId,
    });
  });

  it("ends after ten minutes, though its document is still there", async () => {
    const { token, code } = await challenge();
    const late = await verifyLoginChallenge(contextAt(models, after(10 * duration.minute)), { token, code });
    expect(late).toMatchObject({ ok: false, reason: "expired" });
  });

  it("evaluates five wrong codes, however many come at once, and then not even the right one", async () => {
    const { token, code } = await challenge();
    const guesses = separateModels(database(), 20).map((separate) =>
      verifyLoginChallenge(contextAt(separate, now), { token, code: other(code) }),
    );
    const reasons = (await Promise.all(guesses)).map((check) => (check.ok ? "passed" : check.reason));
    expect(reasons.filter((reason) => reason === "wrong_code")).toHaveLength(4);
    expect(reasons.filter((reason) => reason === "no_attempts_left")).toHaveLength(16);
    expect(await verifyLoginChallenge(contextAt(models, now), { token, code })).toMatchObject({
      reason: "no_attempts_left",
    });
  });

  it("of parallel right answers lets one pass", async () => {
    const { token, code } = await challenge();
    const answers = separateModels(database(), 5).map((separate) =>
      verifyLoginChallenge(contextAt(separate, now), { token, code }),
    );
    expect((await Promise.all(answers)).filter(({ ok: passed }) => passed)).toHaveLength(1);
  });

  it.each([
    [undefined, "12345678"],
    ["", ""],
    [{ $ne: null }, { $ne: null }],
    ["idl_x", "12345678"],
  ])("refuses the token %j and the code %j without a read", async (token, code) => {
    expect(await verifyLoginChallenge(contextAt(models, now), { token, code })).toEqual({
      ok: false,
      reason: "malformed",
    });
  });

  it("needs its own token: another's is unknown to its code", async () => {
    const [mine, others] = [await challenge(), await challenge()];
    const crossed = await verifyLoginChallenge(contextAt(models, now), {
      token: others.token,
      code: mine.code,
    });
    expect(crossed).toMatchObject({ ok: false, reason: "wrong_code" });
  });

  it("is refused after five in a quarter of an hour, and given again later", async () => {
    const { _id: userId } = await makeUser(models);
    const create = (at: Date) =>
      createLoginChallenge(contextAt(models, at), { userId, sessionGeneration: 0, risk });
    for (let made = 0; made < 5; made++) await create(after(made));
    await expect(create(after(10))).rejects.toMatchObject({ code: "CHALLENGE_LIMIT" });
    await expect(create(after(16 * duration.minute))).resolves.toHaveProperty("code");
  });

  it("is stored without its token and its code", async () => {
    const { token, code } = await challenge();
    expect(foundIn(await dumpOf(models), [token, `"${code}"`])).toEqual([]);
  });
});
