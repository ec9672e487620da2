// Proofs of a sign-in or a step-up that does not come about: they are good for the next one.
import type { FastifyInstance } from "fastify";
import { Types } from "mongoose";
import { describe, expect, test } from "vitest";
import { begin, type Enrolled, enrolled, goOn } from "./second-factor.js";
import { useIdentity } from "./support.js";

const setting = useIdentity();

const codesLeft = async (app: FastifyInstance, { bearer }: Pick<Enrolled, "bearer">) =>
  (await app.inject({ url: "/v1/factors", headers: bearer })).json().recoveryCodes as number;

const challengeOf = async (app: FastifyInstance, person: Enrolled) =>
  (await begin(app, person)).json().challenge as string;

describe("a sign-in that the application's hook stops", () => {
  test.each([
    ["fails", async () => Promise.reject(new Error("the hook's own")), "HOOK_FAILED"],
    ["refuses", async () => ({ refuse: "unpaid" }), "SIGN_IN_REFUSED"],
  ])("where it %s, the recovery code and the challenge stay good", async (_how, stop, code) => {
    const stopped = { is: false };
    const onSignIn = async () => (stopped.is ? stop() : undefined);
    const app = await setting.app({ hooks: { onSignIn } });
    const ada = await enrolled(setting, app);
    const challenge = await challengeOf(app, ada);
    const [recoveryCode] = ada.codes;
    stopped.is = true;
    expect((await goOn(app, { challenge, recoveryCode })).json()).toMatchObject({ code });
    expect(await codesLeft(app, ada)).toBe(10);
    stopped.is = false;
    expect((await goOn(app, { challenge, recoveryCode })).statusCode).toBe(201);
    expect(await codesLeft(app, ada)).toBe(9);
    await setting.settle();
    const told = setting.notices.filter(({ to, kind }) => to === ada.email && kind === "recovery_code_used");
    expect(told).toHaveLength(1);
    expect((await goOn(app, { challenge, recoveryCode })).json()).toMatchObject({ reason: "used" });
  });
});

// A code that was accepted is good no more for its half minute, which is longer than people wait.
test.each([
  ["application's hook", { maxConcurrentSessions: 10 }, true, "SIGN_IN_REFUSED"],
  ["account's cap", { maxConcurrentSessions: 1 }, false, "SESSION_LIMIT_REACHED"],
])(
  "a sign-in that the %s refuses leaves the code of the app good",
  async (_who, changes, isStopped, code) => {
    const stopped = { is: isStopped };
    const onSignIn = async () => (stopped.is ? { refuse: "unpaid" } : undefined);
    const app = await setting.app({ hooks: { onSignIn } });
    stopped.is = false;
    const ada = await enrolled(setting, app);
    const userId = new Types.ObjectId(ada.userId);
    const limitCap = (cap: object) =>
      setting.identity.users.updateSecurity({
        userId,
        changes: { limitPolicy: "deny", ...cap },
        from: "",
        confirmed: true,
      });
    await limitCap(changes);
    stopped.is = isStopped;
    const challenge = await challengeOf(app, ada);
    const totp = ada.nextCode();
    for (let tries = 0; tries < 2; tries += 1)
      expect((await goOn(app, { challenge, totp })).json()).toMatchObject({ code });
    stopped.is = false;
    await limitCap({ maxConcurrentSessions: 10 });
    expect((await goOn(app, { challenge, totp })).statusCode).toBe(201);
    const other = await challengeOf(app, ada);
    expect((await goOn(app, { challenge: other, totp })).json()).toMatchObject({ reason: "code_used" });
  },
);

describe("a sign-in that the account's cap refuses", () => {
  const fill = async (app: FastifyInstance, live: number) => {
    const ada = await enrolled(setting, app);
    const userId = new Types.ObjectId(ada.userId);
    const changes = { maxConcurrentSessions: live, limitPolicy: "deny" } as const;
    await setting.identity.users.updateSecurity({ userId, changes, from: "", confirmed: true });
    return { ada, userId };
  };

  test("uses up neither the recovery code nor the challenge", async () => {
    const app = await setting.app();
    const { ada, userId } = await fill(app, 1);
    const challenge = await challengeOf(app, ada);
    const [recoveryCode] = ada.codes;
    for (let tries = 0; tries < 2; tries += 1)
      expect((await goOn(app, { challenge, recoveryCode })).json()).toMatchObject({
        code: "SESSION_LIMIT_REACHED",
      });
    expect(await codesLeft(app, ada)).toBe(10);
    const changes = { maxConcurrentSessions: 10 };
    await setting.identity.users.updateSecurity({ userId, changes, from: "", confirmed: true });
    expect((await goOn(app, { challenge, recoveryCode })).statusCode).toBe(201);
  });

  test("of five at once, where one more session may live, one uses up its code", async () => {
    const app = await setting.app();
    const { ada } = await fill(app, 3);
    const challenges = await Promise.all(Array.from({ length: 5 }, () => challengeOf(app, ada)));
    const tries = await Promise.all(
      challenges.map((challenge, at) => goOn(app, { challenge, recoveryCode: ada.codes[at] })),
    );
    expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409, 409, 409, 409]);
    expect(await codesLeft(app, ada)).toBe(9);
  });
});

test("of five codes on one challenge at once, one is used up", async () => {
  const app = await setting.app();
  const ada = await enrolled(setting, app);
  const challenge = await challengeOf(app, ada);
  const tries = await Promise.all(
    ada.codes.slice(0, 5).map((recoveryCode) => goOn(app, { challenge, recoveryCode })),
  );
  expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([201, 401, 401, 401, 401]);
  expect(await codesLeft(app, ada)).toBe(9);
});

test("one code on two challenges at once signs in once", async () => {
  const app = await setting.app();
  const ada = await enrolled(setting, app);
  const challenges = [await challengeOf(app, ada), await challengeOf(app, ada)];
  const [recoveryCode] = ada.codes;
  const tries = await Promise.all(challenges.map((challenge) => goOn(app, { challenge, recoveryCode })));
  expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([201, 401]);
});

test("of two step-ups at once, each with a code, one is used up", async () => {
  const app = await setting.app();
  const ada = await enrolled(setting, app);
  const stepUp = (recoveryCode: string | undefined) =>
    app.inject({
      method: "POST",
      url: "/v1/session/authentication",
      headers: ada.bearer,
      payload: { recoveryCode },
    });
  const tries = await Promise.all([stepUp(ada.codes[0]), stepUp(ada.codes[1])]);
  expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([200, 401]);
  const token = tries.find(({ statusCode }) => statusCode === 200)?.json().token;
  expect(await codesLeft(app, { bearer: { authorization: `Bearer ${token}` } })).toBe(9);
});

test.each(["recovery code", "code of the app"])(
  "one %s in two sessions at once raises one, and ends none",
  async (kind) => {
    const app = await setting.app();
    const ada = await enrolled(setting, app);
    const second = (await goOn(app, { challenge: await challengeOf(app, ada), totp: ada.nextCode() })).json();
    const proof = kind === "recovery code" ? { recoveryCode: ada.codes[0] } : { totp: ada.nextCode() };
    const bearers = [ada.bearer, { authorization: `Bearer ${second.token}` }];
    const stepUp = (headers: { authorization: string }) =>
      app.inject({ method: "POST", url: "/v1/session/authentication", headers, payload: proof });
    const tries = await Promise.all(bearers.map(stepUp));
    expect(tries.map(({ statusCode }) => statusCode).sort()).toEqual([200, 401]);
    const [loser = ada.bearer] = bearers.filter((_, at) => tries[at]?.statusCode === 401);
    expect((await app.inject({ url: "/v1/session", headers: loser })).statusCode).toBe(200);
  },
);

// Keyboards in Arabic, Persian, Hindi and Japanese type digits of their own; messengers and mails change hyphens.
test.each([
  ["three and three", (code: string) => `${code.slice(0, 3)} ${code.slice(3)}`],
  ["a no-break space", (code: string) => `${code.slice(0, 3)}\u00a0${code.slice(3)}`],
  ["an en dash", (code: string) => `${code.slice(0, 3)}\u2013${code.slice(3)}`],
  ["a non-breaking hyphen", (code: string) => `${code.slice(0, 3)}\u2011${code.slice(3)}`],
  ["a zero-width space", (code: string) => `${code.slice(0, 3)}\u200b${code.slice(3)}`],
  ["Arabic digits", (code: string) => inScript(code, 0x660)],
  ["Persian digits", (code: string) => inScript(code, 0x6f0)],
  ["Devanagari digits", (code: string) => inScript(code, 0x966)],
  ["digits of full width", (code: string) => inScript(code, 0xff10)],
])("a code of the app is taken with %s, and a recovery code likewise", async (_form, typed) => {
  const app = await setting.app();
  const ada = await enrolled(setting, app);
  const byApp = { challenge: await challengeOf(app, ada), totp: typed(ada.nextCode()) };
  expect((await goOn(app, byApp)).statusCode).toBe(201);
  const [code = ""] = ada.codes;
  const byCode = { challenge: await challengeOf(app, ada), recoveryCode: typed(code.toLowerCase()) };
  expect((await goOn(app, byCode)).statusCode).toBe(201);
});

const inScript = (code: string, zero: number) =>
  code.replace(/[0-9]/g, (digit) => String.fromCodePoint(zero + Number(digit)));
