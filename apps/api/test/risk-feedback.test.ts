import { readSession } from "@org/db-models/queries";
import type { Located } from "@org/fastify-identity";
import type { FastifyRequest } from "fastify";
import { Types } from "mongoose";
import { beforeEach, describe, expect, test } from "vitest";
import { type Person, password, useApi } from "./support/api.js";

const minute = 60_000;
const day = 86_400_000;
const oslo: Located = { location: { country: "NO", latitude: 59.9, longitude: 10.8 }, accuracyKm: 20 };
const tromso: Located = { location: { country: "NO", latitude: 69.6, longitude: 19 }, accuracyKm: 20 };
/** Networks by their third byte: 2 is in Oslo, everything else as far away as Norway is long. */
const locate = ({ ip }: FastifyRequest) => (ip.startsWith("192.0.2.") ? oslo : tromso);
const silent = { send: async () => undefined, close: async () => undefined };
const api = useApi({ usageFlushMs: 10 }, { locate, notifier: silent });

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
let people = 0;
let person: Person;
let home: Client;
interface Client {
  remoteAddress: string;
  headers: Record<string, string>;
}
const away: Client = { remoteAddress: "198.51.100.66", headers: { "user-agent": firefox } };
beforeEach(async () => {
  // Whom the tests before have made active would make a newcomer look idle.
  await api.identity.flush();
  await api.models.RiskCounter.deleteMany({});
  people += 1;
  home = { remoteAddress: `192.0.2.${people}`, headers: { "user-agent": firefox } };
  person = await api.register();
  // The reset of an address that nobody has proved forgets what was learnt of who registered it.
  expect(
    await api.identity.users.markEmailVerified({
      userId: new Types.ObjectId(person.id),
      email: person.email,
    }),
  ).toBe(true);
});

const signIn = (client: Client) => api.signIn(person, client);
const attemptOf = async (client: Client) => {
  const payload = { identifier: person.email, password, delivery: "token" };
  return (await api.app.inject({ method: "POST", url: "/v1/sessions", payload, ...client })).json();
};
const use = ({ bearer }: { bearer: object }, client: Client, url = "/v1/session") =>
  api.app.inject({ url, remoteAddress: client.remoteAddress, headers: { ...client.headers, ...bearer } });
const say = (from: { bearer: object }, sessionId: string, verdict: string) =>
  api.app.inject({
    method: "POST",
    url: "/v1/security/feedback",
    payload: { sessionId, verdict },
    headers: { ...from.bearer },
  });
const session = (id: string) => api.models.UserSession.findById(id).lean().orFail().then(readSession);
const reasonsOf = async (id: string) => (await session(id)).risk.reasons;
const actions = async () =>
  (await api.models.AuditEvent.find().sort({ _id: -1 }).limit(3).lean()).map(({ action }) => action);
const learnt = async () =>
  (await api.models.LoginProfile.findOne({ subject: "user", key: person.id }).lean())?.profile as
    | { learned: number }
    | undefined;

/** The password was locked, and its owner chooses one by mail. */
async function chooseAgain(): Promise<void> {
  const asked = await api.identity.users.requestPasswordReset({ email: person.email });
  if (!asked.ok) throw new Error(asked.reason);
  expect(await api.identity.users.resetPassword({ token: asked.token, password })).toMatchObject({
    ok: true,
  });
}

async function makeHistory(logins = 20): Promise<void> {
  for (let login = 0; login < logins; login++) {
    await signIn(home);
    api.clock.advance(day);
  }
  await expect.poll(async () => (await learnt())?.learned).toBe(logins);
}

describe("what the owner says of a sign-in", () => {
  test("not_mine ends its session, is audited, and stops the same thief the next time, not the owner", async () => {
    await makeHistory();
    const thief = await signIn(away);
    api.clock.advance(day);
    const owner = await signIn(home);
    const { report } = (await say(owner, thief.id, "not_mine")).json();
    expect(report).toMatchObject({ sessionId: thief.id, state: "done", takenOff: { password: true } });

    expect((await use(thief, away)).statusCode).toBe(401);
    expect(await session(thief.id)).toMatchObject({ revocationReason: "reported" });
    expect(await actions()).toContain("sign_in.reported");
    const about = { sessionId: thief.id, kind: "sign_in_reported" } as const;
    const event = await api.models.SecurityEvent.findOne(about).lean();
    expect(event).toMatchObject({ severity: "critical", reasons: ["reported"] });
    expect((await attemptOf(home)).code).toBe("BAD_CREDENTIALS");
    await chooseAgain();
    expect((await attemptOf(away)).code).toBe("CHALLENGE_REQUIRED");
    expect((await attemptOf(home)).code).toBeUndefined();
  });

  test("without a report the same sign-in is let in again", async () => {
    await makeHistory();
    await signIn(away);
    api.clock.advance(2 * day);
    expect((await attemptOf(away)).code).toBeUndefined();
  });

  test("mine lowers the score of the next one from there", async () => {
    await makeHistory(5);
    const phone = await signIn(away);
    const stored = async (id: string) => (await session(id)).risk.score ?? 100;
    api.clock.advance(day);
    const before = await stored((await signIn(away)).id);
    api.clock.advance(day);
    const owner = await signIn(home);
    expect((await say(owner, phone.id, "mine")).json()).toEqual({ report: null });
    expect(await actions()).toContain("sign_in.confirmed");
    api.clock.advance(day);
    expect(await stored((await signIn(away)).id)).toBeLessThan(before / 2);
  });

  test("is not taken from the session itself, from one in doubt, or about somebody else's", async () => {
    const first = await signIn(home);
    const second = await signIn(home);
    const refused = async (answer: ReturnType<typeof say>) => (await answer).json().code;
    expect(await refused(say(first, first.id, "mine"))).toBe("FEEDBACK_NOT_TAKEN");
    expect(await refused(say(first, first.id, "not_mine"))).toBe("FEEDBACK_NOT_TAKEN");
    await api.models.UserSession.collection.updateOne(
      { _id: (await session(second.id))._id },
      { $set: { "risk.level": "medium" } },
    );
    expect(await refused(say(second, first.id, "mine"))).toBe("FEEDBACK_NOT_TAKEN");
    expect(await refused(say(second, first.id, "perhaps"))).toBe("INVALID_INPUT");
    const stranger = await api.signIn(await api.register());
    expect(await refused(say(stranger, first.id, "not_mine"))).toBe("SESSION_NOT_FOUND");
    expect((await use(first, home)).statusCode).toBe(200);
    expect((await say(second, first.id, "not_mine")).statusCode).toBe(200);
  });
});

describe("live sessions elsewhere", () => {
  // Of a session with a place: the newest, where it was used a moment ago.
  const riskAfter = async (client: Client) => {
    const { id } = await signIn(client);
    return reasonsOf(id);
  };

  test("make a sign-in suspicious that nobody could have travelled to", async () => {
    await makeHistory(3);
    const live = await signIn(home);
    api.clock.advance(10 * minute);
    await use(live, home);
    const answer = await attemptOf(away);
    const audited = await api.models.AuditEvent.findOne().sort({ _id: -1 }).lean();
    expect(JSON.stringify(audited?.details)).toContain("distant_session 2.00");
    expect(answer.code).toBe("CHALLENGE_REQUIRED");
  });

  test("do not where they are idle, or have moved themselves", async () => {
    await makeHistory(3);
    const live = await signIn(home);
    api.clock.advance(10 * 60 * minute);
    expect(await riskAfter(away)).not.toContain("distant_session");
    api.clock.advance(minute + 1);
    await use(live, away);
    expect(await reasonsOf(live.id)).toContain("session_network");
    expect(await riskAfter(away)).not.toContain("distant_session");
  });
});

describe("a live session's rate of requests", () => {
  const burst = async (signedIn: { bearer: object }, requests: number) => {
    for (let request = 0; request < requests; request++) await use(signedIn, home);
    await expect.poll(counted, { timeout: 10_000 }).toBe(total + requests);
    total += requests;
    api.clock.advance(minute + 1);
    await use(signedIn, home);
    total += 1;
    await expect.poll(counted, { timeout: 10_000 }).toBe(total);
  };
  let total = 0;
  const counted = async () =>
    (await api.models.UserSession.find({ userId: person.id }).lean()).reduce(
      (sum, { apiUsage }) => sum + (apiUsage?.requests ?? 0),
      0,
    );
  beforeEach(() => {
    // The sign-in itself is counted as well.
    total = 1;
  });

  test("raises its score when it is unusual for the user", async () => {
    const { id, bearer } = await signIn(home);
    await burst({ bearer }, 10);
    expect(await reasonsOf(id)).not.toContain("session_requests");
    await burst({ bearer }, 80);
    expect(await reasonsOf(id)).toContain("session_requests");
  });

  test("does not when the user is always as fast", async () => {
    const startedAt = (hours: number) =>
      new Date(Math.floor(api.clock.now().getTime() / 3_600_000 - hours) * 3_600_000);
    const { id, bearer } = await signIn(home);
    const { userId } = await session(id);
    const purgeAt = new Date("2100-01-01");
    await api.models.UsageBucket.collection.insertMany(
      [1, 2, 3].map((hours) => ({
        userId,
        interval: "hour",
        startedAt: startedAt(hours),
        requests: 60 * 100,
        failures: 0,
        endpoints: [],
        purgeAt,
        schemaVersion: 1,
      })) as never,
    );
    await burst({ bearer }, 80);
    expect(await reasonsOf(id)).not.toContain("session_requests");
  });
});
