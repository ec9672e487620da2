import { beforeAll, describe, expect, it } from "vitest";
import { duration } from "../src/core/limits.js";
import type { IdentityModels } from "../src/index.js";
import {
  attemptChallenge,
  createFactorChallenge,
  createLoginChallenge,
  passChallenge,
  readChallenge,
  verifyLoginChallenge,
} from "../src/logins/challenges.js";
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

describe("a sign-in that is held for a factor", () => {
  const ask = ["totp", "recovery_code"] as const;
  async function held(client?: string) {
    const { _id: userId } = await makeUser(models);
    const input = { userId, sessionGeneration: 3, risk, ask, ...(client !== undefined && { client }) };
    return { userId, ...(await createFactorChallenge(contextAt(models, now), input)) };
  }

  it("gives back what it was and what was proved, and passes once, however many pass it at once", async () => {
    const { userId, token } = await held();
    const attempt = await attemptChallenge(contextAt(models, now), { token, method: "totp" });
    if (!attempt.ok) throw new Error(attempt.reason);
    expect(attempt).toMatchObject({ userId, sessionGeneration: 3, risk, proofs: ["password"] });
    const passes = separateModels(database(), 10).map((separate) =>
      passChallenge(contextAt(separate, now), { id: attempt.id }),
    );
    expect((await Promise.all(passes)).filter(Boolean)).toHaveLength(1);
    const late = await attemptChallenge(contextAt(models, now), { token, method: "totp" });
    expect(late).toEqual({ ok: false, reason: "used", userId });
  });

  it("takes five attempts, whichever the method and however many come at once", async () => {
    const { token } = await held();
    const attempts = separateModels(database(), 20).map((separate, at) =>
      attemptChallenge(contextAt(separate, now), { token, method: ask[at % 2] ?? "totp" }),
    );
    expect((await Promise.all(attempts)).filter(({ ok }) => ok)).toHaveLength(5);
  });

  it.each([
    ["mail", "client", "email", "not_asked"],
    ["another client", "thief", "totp", "other_client"],
    ["no client", undefined, "totp", "other_client"],
  ] as const)("takes no attempt for %s", async (_for, client, method, reason) => {
    const { token } = await held("client");
    for (let at = 0; at < 6; at++) {
      const refused = await attemptChallenge(contextAt(models, now), { token, method, client });
      expect(refused).toMatchObject({ ok: false, reason });
    }
    const own = await attemptChallenge(contextAt(models, now), { token, method: "totp", client: "client" });
    expect(own.ok).toBe(true);
  });

  it("is read without an attempt by the client that began, as long as anybody can go on with it", async () => {
    const { userId, token } = await held("client");
    const read = (client: string | undefined, at = now) =>
      readChallenge(contextAt(models, at), { token, client });
    for (let reads = 0; reads < 7; reads++) await read("client");
    expect(await read("client")).toMatchObject({ ok: true, userId, ask, proofs: ["password"] });
    expect(await read("thief")).toEqual({ ok: false, reason: "other_client", userId });
    expect(await read(undefined)).toEqual({ ok: false, reason: "other_client", userId });
    expect(await read("client", after(10 * duration.minute))).toMatchObject({ reason: "expired" });
    for (let attempts = 0; attempts < 5; attempts++)
      await attemptChallenge(contextAt(models, now), { token, method: "totp", client: "client" });
    expect(await read("client")).toMatchObject({ ok: false, reason: "no_attempts_left" });
    const unknown = { token: token.replace(/.{6}$/, "AAAAAA"), client: "client" };
    expect((await readChallenge(contextAt(models, now), unknown)).ok).toBe(false);
  });

  it("does not take the mailed code's place, nor the code its", async () => {
    const { token } = await held();
    const code = await verifyLoginChallenge(contextAt(models, now), { token, code: "12345678" });
    expect(code).toMatchObject({ ok: false, reason: "not_asked" });
    const mailed = await challenge();
    const other = await attemptChallenge(contextAt(models, now), { token: mailed.token, method: "totp" });
    expect(other).toMatchObject({ ok: false, reason: "not_asked" });
  });

  it("is no message: it does not count against the limit of codes", async () => {
    const { _id: userId } = await makeUser(models);
    for (let at = 0; at < 8; at++)
      await createFactorChallenge(contextAt(models, now), { userId, sessionGeneration: 0, risk, ask });
    const code = await createLoginChallenge(contextAt(models, now), { userId, sessionGeneration: 0, risk });
    expect(code.code).toMatch(/^\d{8}$/);
  });

  it.each([[[]], [["email"]], [["totp", "email"]]] as const)(
    "is refused for the methods %j",
    async (asked) => {
      const { _id: userId } = await makeUser(models);
      const input = { userId, sessionGeneration: 0, risk, ask: asked };
      await expect(createFactorChallenge(contextAt(models, now), input)).rejects.toMatchObject({
        code: "INVALID_INPUT",
      });
    },
  );

  it("stores neither its token nor its client", async () => {
    const { token } = await held("a device cookie");
    expect(foundIn(await dumpOf(models), [token, "a device cookie"])).toEqual([]);
  });
});
