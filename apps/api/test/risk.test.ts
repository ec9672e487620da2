import { auditRefOf } from "@org/db-models";
import { readSession } from "@org/db-models/queries";
import type { Located, Notice } from "@org/fastify-identity";
import type { FastifyInstance, FastifyRequest, LightMyRequestResponse } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";
import { type Person, password, useApi } from "./support/api.js";

const norway: Located = { location: { country: "NO" }, asn: 64_500 };
const vietnam: Located = { location: { country: "VN" }, asn: 64_999 };
const notices: Notice[] = [];
const notifier = { send: async (notice: Notice) => void notices.push(notice), close: async () => undefined };
const locate = ({ ip }: FastifyRequest) => (ip.startsWith("192.0.2.") ? norway : vietnam);
const api = useApi({ usageFlushMs: 10 }, { locate, notifier });

let people = 0;
/** Where the person is at home. */
let usual: Client;
const home = {
  remoteAddress: "",
  headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
};
const strange = {
  remoteAddress: "198.51.100.66",
  headers: {
    "user-agent":
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
  },
};
type Client = typeof home;

let person: Person;
beforeEach(async () => {
  notices.length = 0;
  people += 1;
  usual = { ...home, remoteAddress: `192.0.2.${people}` };
  person = await api.register();
});

const signIn = (client: Client, app: FastifyInstance = api.app) =>
  app.inject({
    method: "POST",
    url: "/v1/sessions",
    payload: { identifier: person.email, password, delivery: "token" },
    ...client,
  });
const answer = (challenge: string, code: string, app: FastifyInstance = api.app) =>
  app.inject({
    method: "POST",
    url: "/v1/sessions/challenge",
    payload: { challenge, code, delivery: "token" },
    ...strange,
  });
const outcome = (response: LightMyRequestResponse) => [response.statusCode, response.json().code];

const storedProfile = async () => {
  const stored = await api.models.LoginProfile.findOne({ subject: "user", key: person.id }).lean();
  return stored?.profile as { learned: number } | undefined;
};

/** Twenty days of sign-ins from home, which every instance knows of. */
async function makeHistory(): Promise<void> {
  for (let day = 0; day < 20; day++) {
    expect((await signIn(usual)).statusCode).toBe(201);
    api.clock.advance(86_400_000);
  }
  await expect.poll(async () => (await storedProfile())?.learned).toBe(20);
  notices.length = 0;
}

const codeOf = (notice: Notice | undefined) => notice?.facts.code ?? "";
const storedSession = async (id: string) =>
  readSession(await api.models.UserSession.findById(id).lean().orFail());

describe("a sign-in like the owner's others", () => {
  test("gets its session, with a score and without a question, in two reads of what is known", async () => {
    await makeHistory();
    const response = await signIn(usual);
    expect(response.statusCode).toBe(201);
    const session = await storedSession(response.json().id);
    expect(session?.risk.level).toBe("low");
    expect(session?.risk.score).toBeLessThan(3.5);
    expect(notices).toEqual([]);
  });

  test("is unscored while the user is new", async () => {
    const response = await signIn(usual);
    expect(await storedSession(response.json().id)).toMatchObject({ risk: { level: "unscored" } });
  });
});

describe("a sign-in that is unlike the owner's", () => {
  beforeEach(makeHistory);

  test("needs the code that the owner is sent, and then has its session, its reasons and its alerts", async () => {
    const response = await signIn(strange);
    expect(outcome(response)).toEqual([401, "CHALLENGE_REQUIRED"]);
    expect(response.json().reason).toMatch(/^(new_device|new_location|unusual_activity)$/);
    expect(response.body).not.toMatch(/score|logOdds/);
    expect(notices).toMatchObject([{ kind: "sign_in_code", to: person.email, facts: { country: "VN" } }]);

    const passed = await answer(response.json().challenge, codeOf(notices[0]));
    expect(passed.statusCode).toBe(201);
    const { id, token } = passed.json();
    const session = await storedSession(id);
    expect(session?.risk.score).toBeGreaterThan(3.5);
    expect(session?.risk.reasons).toContain("new_country");
    const bearer = { authorization: `Bearer ${token}` };
    expect((await api.app.inject({ url: "/v1/session", headers: bearer })).statusCode).toBe(200);
    expect(notices.map(({ kind }) => kind)).toEqual(["sign_in_code", "new_device", "new_location"]);
    expect(outcome(await answer(response.json().challenge, codeOf(notices[0])))).toEqual([
      401,
      "CHALLENGE_FAILED",
    ]);
  });

  test("is refused with a wrong code, and each decision is in the audit trail with its reasons", async () => {
    const { challenge } = (await signIn(strange)).json();
    const wrong = String((Number(codeOf(notices[0])) + 1) % 100_000_000).padStart(8, "0");
    expect((await answer(challenge, wrong)).json()).toMatchObject({
      code: "CHALLENGE_FAILED",
      reason: "wrong_code",
    });
    const user = await api.models.User.findById(person.id).select("+auditKey").orFail();
    const trail = await api.models.AuditEvent.find({ subjectRef: auditRefOf(user.auditKey) }).lean();
    const [failed] = trail.filter((event) => event.outcome === "failure");
    expect(failed).toMatchObject({ action: "session.opened", details: [{ value: "wrong_code" }] });
    const [challenged] = trail.filter(({ action }) => action === "session.challenged");
    const details = Object.fromEntries(challenged?.details.map(({ key, value }) => [key, value]) ?? []);
    expect(details).toMatchObject({
      riskAction: "challenge",
      riskReasons: expect.stringContaining("new_country"),
    });
    expect(JSON.stringify(trail)).not.toContain(codeOf(notices[0]));
  });

  test("passes at another instance than the one that asked", async () => {
    const second = await api.build();
    const { challenge } = (await signIn(strange)).json();
    expect((await answer(challenge, codeOf(notices[0]), second)).statusCode).toBe(201);
  });

  test("that could not send its code says so", async () => {
    const broken = { send: () => Promise.reject(new Error("no mail today")), close: async () => undefined };
    const app = await api.build({}, { notifier: broken });
    expect(outcome(await signIn(strange, app))).toEqual([503, "NOTICE_NOT_SENT"]);
  });

  test("is let in when nothing is judged", async () => {
    const app = await api.build({ riskPolicy: "off" });
    expect((await signIn(strange, app)).statusCode).toBe(201);
  });

  test("is denied when it is far too unlike, and the owner can read of it", async () => {
    // Failures before it, and the client of a program.
    for (let failure = 0; failure < 3; failure++) {
      const payload = { identifier: person.email, password: "wrong" };
      await api.app.inject({ method: "POST", url: "/v1/sessions", payload, ...strange });
    }
    api.clock.advance(60_000);
    const bot = { ...strange, headers: { "user-agent": "python-requests/2.32.0" } };
    const response = await signIn(bot);
    expect(outcome(response)).toEqual([403, "SIGN_IN_DENIED"]);
    expect(notices).toEqual([]);
    expect(
      await api.models.SecurityEvent.findOne({ userId: person.id, kind: "risk_high" }).lean(),
    ).toMatchObject({ severity: "critical", reasons: expect.arrayContaining(["new_country"]) });
  });
});

describe("a live session", () => {
  test("is assessed again as it is used, and its score only rises", async () => {
    await makeHistory();
    const { id, token } = (await signIn(usual)).json();
    const authorization = `Bearer ${token}`;
    const use = (client: Client) =>
      api.app.inject({
        url: "/v1/session",
        remoteAddress: client.remoteAddress,
        headers: { ...client.headers, authorization },
      });
    const before = (await storedSession(id))?.risk;
    api.clock.advance(61_000);
    expect((await use(usual)).statusCode).toBe(200);
    expect((await storedSession(id))?.risk).toEqual(before);
    api.clock.advance(61_000);
    const moved = await use(strange);
    const after = await storedSession(id);
    expect(after?.risk.score).toBeGreaterThan(before?.score ?? 100);
    expect(after?.risk.signInScore).toBe(before?.score);
    expect(after?.risk.reasons).toContain("session_country");
    expect([200, 401]).toContain(moved.statusCode);
    api.clock.advance(61_000);
    await use(usual);
    expect((await storedSession(id))?.risk.score).toBe(after?.risk.score);
  });
});

test("what sign-ins teach outlives the instance that learnt it", async () => {
  const app = await api.build({ usageFlushMs: 600_000 });
  await signIn(usual, app);
  expect(await storedProfile()).toBeUndefined();
  await app.close();
  expect(await storedProfile()).toMatchObject({ learned: 1 });
});
