import { withDatabase } from "@org/dev-kit";
import { bundleChild, startChild } from "@org/dev-kit/children";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { duration } from "../src/core/limits.js";
import { loginDefencePolicySchema } from "../src/core/policies/login-defence.js";
import { randomKey, sha256Text } from "../src/core/secrets.js";
import {
  createIdentity,
  type IdentityModels,
  type LoginAttemptInput,
  type LoginDefencePolicyInput,
} from "../src/index.js";
import { reserveLoginAttempt } from "../src/logins/reserve.js";
import { settleLoginAttempt } from "../src/logins/settle.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { contextAt } from "./context.js";
import { commandsDuring, makeUser, useIdentityDatabase } from "./database.js";
import { eraseUserData } from "./erasing.js";
import { after, now } from "./moment.js";

const database = useIdentityDatabase();
let models: IdentityModels;
beforeAll(() => {
  models = database().models;
});
const defaults = loginDefencePolicySchema.parse({});
const { free } = defaults.account;

let made = 0;
/** An account and an address that no other test has used. */
function somebody() {
  made += 1;
  return { identifier: `person-${made}@example.com`, ip: `10.${made >> 8}.${made & 255}.1` };
}

const reserve = (input: LoginAttemptInput, at = now, policy: LoginDefencePolicyInput = {}) =>
  reserveLoginAttempt(contextAt(models, at, { logins: policy }), input);

/** Guesses one after the other, each as soon as it may; the moments at which it was admitted, in seconds. */
async function guess(input: LoginAttemptInput, times: number, policy: LoginDefencePolicyInput = {}) {
  const moments: number[] = [];
  for (let at = 0; moments.length < times; ) {
    const admission = await reserve(input, after(at), policy);
    if (admission.ok) moments.push(at / 1_000);
    else at += admission.retryAfterMs;
  }
  return moments;
}

/** One failure, so that what follows finds a profile. */
async function warm<I extends LoginAttemptInput>(input: I): Promise<I> {
  await reserve(input);
  return input;
}

async function succeed(input: LoginAttemptInput, at = now, deviceCookie?: string) {
  const admission = await reserve(input, at);
  if (!admission.ok) throw new Error(`refused for ${admission.retryAfterMs} ms`);
  await settleLoginAttempt(contextAt(models, at), {
    attempt: admission.attempt,
    succeeded: true,
    ...(deviceCookie && { deviceCookie }),
  });
}

describe("guesses at one account", () => {
  it("are delayed longer and longer, up to a quarter of an hour, and never for good", async () => {
    const gaps = (moments: number[]) => moments.slice(1).map((at, index) => at - (moments[index] ?? 0));
    const moments = await guess(somebody(), free + 14);
    const growing = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900];
    expect(gaps(moments).slice(0, free - 1 + growing.length)).toEqual([0, 0, 0, 0, ...growing]);
    expect(Math.max(...gaps(moments))).toBe(900);
  });

  it("come to a challenge, which lets a person through in spite of the delay", async () => {
    const person = somebody();
    await guess(person, defaults.account.challengeAfter);
    const refused = await reserve(person, after(0));
    expect(refused).toMatchObject({ ok: false, challenge: true });
    expect(await reserve({ ...person, challengeSolved: true })).toMatchObject({
      ok: true,
      challenge: true,
    });
  });

  it("are forgotten one after the other", async () => {
    const person = somebody();
    const moments = await guess(person, free + 1);
    const last = (moments.at(-1) ?? 0) * 1_000;
    const quiet = last + 3 * defaults.account.forgetMs;
    const admissions = [];
    for (let attempt = 0; attempt < 5; attempt++) admissions.push(await reserve(person, after(quiet)));
    // The last failure has itself begun a delay.
    expect(admissions.map(({ ok: admitted }) => admitted)).toEqual([true, true, false, false, false]);
  });

  it("from everywhere at once are admitted exactly as many times as are free, over two processes", async () => {
    const { identifier } = await warm(somebody());
    const script = await bundleChild(new URL("./children/guesser.ts", import.meta.url));
    const uri = withDatabase(inject("engine").uri, database().connection.name);
    const children = [0, 1].map(() => startChild(script, uri));
    await Promise.all(children.map((child) => child.hasPrinted("ready\n")));
    for (const [process, child] of children.entries()) {
      const ips = Array.from({ length: 50 }, (_, index) => `172.16.${process * 50 + index}.1`);
      child.tell(JSON.stringify(ips.map((ip) => ({ identifier, ip }))));
    }
    await Promise.all(children.map(({ exited }) => exited));
    const lines = children.flatMap((child) => child.printed().split("\n"));
    expect(lines.filter((line) => line === "admitted")).toHaveLength(free - 1);
    expect(lines.filter((line) => line.startsWith("refused "))).toHaveLength(101 - free);
    // At the end of a delay it is one of them.
    const ends = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        reserve({ identifier, ip: `172.17.${index}.1` }, after(1_000)),
      ),
    );
    expect(ends.filter(({ ok: admitted }) => admitted)).toHaveLength(1);
  });

  it("at an account that nobody has tried before are never admitted more often than that", async () => {
    const { identifier } = somebody();
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, index) => reserve({ identifier, ip: `172.19.${index}.1` })),
    );
    const admitted = all.filter((admission) => admission.ok).length;
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThanOrEqual(free);
  });

  it("that are refused count nowhere", async () => {
    const person = somebody();
    await guess(person, free);
    const state = () => models.LoginProfile.find({}).sort({ _id: 1 }).select("counter.failures").lean();
    const before = await state();
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(await reserve(person)).toMatchObject({ ok: false, retryAfterMs: 1_000 });
    }
    expect(await state()).toEqual(before);
  });

  it("hold nobody up longer than the longest delay when a clock jumps back", async () => {
    const person = somebody();
    for (let attempt = 0; attempt < free; attempt++) await reserve(person, after(duration.day));
    expect(await reserve(person, after(duration.day))).toMatchObject({ ok: false });
    expect(await reserve(person, now)).toMatchObject({ ok: true });
    expect(await reserve(person, now)).toMatchObject({ ok: false, retryAfterMs: 2_000 });
  });
});

describe("a known device", () => {
  it("is admitted while strangers guess, and they can't use up its own guesses", async () => {
    const person = somebody();
    const deviceCookie = randomKey();
    await succeed(person, now, deviceCookie);
    await guess(person, free + 8);
    const stranger = { ...person, deviceCookie: randomKey() };
    expect(await reserve(stranger)).toMatchObject({ ok: false });
    for (let login = 0; login < 5; login++) await succeed({ ...person, deviceCookie }, now, deviceCookie);
    // Its success does not clear the strangers' failures.
    expect(await reserve(stranger)).toMatchObject({ ok: false });
  });

  it("has a counter of its own, which a success clears", async () => {
    const person = somebody();
    const deviceCookie = randomKey();
    const device = { ...person, deviceCookie };
    await succeed(person, now, deviceCookie);
    const admitted = async () => {
      const all = await Promise.all(Array.from({ length: 100 }, () => reserve(device)));
      return all.filter((admission) => admission.ok).length;
    };
    expect(await admitted()).toBe(defaults.device.free);
    // Its attempts do not count for the account or the network.
    expect(await reserve(person)).toMatchObject({ ok: true, challenge: false });
    await succeed(device, after(1_000), deviceCookie);
    expect(await admitted()).toBe(defaults.device.free);
  });

  it("is known to that account only, and not for ever", async () => {
    const [person, other] = [somebody(), somebody()];
    const deviceCookie = randomKey();
    await succeed(person, now, deviceCookie);
    await guess(other, free);
    expect(await reserve({ ...other, deviceCookie })).toMatchObject({ ok: false });
    const late = after(defaults.knownDeviceMs);
    for (let attempt = 0; attempt < free; attempt++) await reserve(person, late);
    expect(await reserve({ ...person, deviceCookie }, late)).toMatchObject({ ok: false });
    const text = JSON.stringify(await models.LoginProfile.find().lean());
    expect(text).not.toContain(deviceCookie);
    expect(text).not.toContain(person.identifier);
  });
});

describe("guesses from one network", () => {
  const spray = async (ip: string, amount: number, policy: LoginDefencePolicyInput = {}) => {
    const first = await reserve({ ...somebody(), ip }, now, policy);
    const rest = Array.from({ length: amount - 1 }, () => reserve({ ...somebody(), ip }, now, policy));
    return [first, ...(await Promise.all(rest))];
  };
  const admittedOf = (all: { ok: boolean }[]) => all.filter(({ ok }) => ok).length;

  it("at many accounts are delayed, wherever in the network they come from", async () => {
    const network = (host: number) => `198.51.100.${host}`;
    await warm({ ...somebody(), ip: network(0) });
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, host) => reserve({ ...somebody(), ip: network(host) })),
    );
    expect(admittedOf(all)).toBe(defaults.network.free - 1);
    expect(await reserve({ ...somebody(), ip: network(200) })).toMatchObject({ ok: false });
    expect(await reserve({ ...somebody(), ip: "198.51.101.1" })).toMatchObject({ ok: true });
  });

  it("count per /64 of IPv6", async () => {
    expect(admittedOf(await spray("2001:db8:1:1::1", 60))).toBe(defaults.network.free);
    expect(await reserve({ ...somebody(), ip: "2001:db8:1:1:ffff::2" })).toMatchObject({ ok: false });
    expect(await reserve({ ...somebody(), ip: "2001:db8:1:2::1" })).toMatchObject({ ok: true });
  });

  it("that many people share have more of them", async () => {
    const policy = { sharedNetworks: ["192.0.2.0/24"], sharedFactor: 2 };
    expect(admittedOf(await spray("192.0.2.9", 120, policy))).toBe(2 * defaults.network.free);
  });

  it("do not count for the accounts that they were refused for", async () => {
    const ip = "203.0.113.50";
    await spray(ip, defaults.network.free);
    const { identifier } = somebody();
    for (let attempt = 0; attempt < 20; attempt++) await reserve({ identifier, ip });
    // Each of these comes from a network of its own.
    const elsewhere = await Promise.all(
      Array.from({ length: 20 }, (_, index) => reserve({ identifier, ip: `172.18.${index}.1` })),
    );
    expect(admittedOf(elsewhere)).toBe(free);
  });

  it("are not washed off by signing in to an account of one's own in between", async () => {
    const ip = "203.0.114.50";
    const own = { ...somebody(), ip };
    let guesses = 0;
    for (let round = 0; round < 80; round++) {
      if ((await reserve({ ...somebody(), ip })).ok) guesses += 1;
      const admission = await reserve(own);
      if (admission.ok)
        await settleLoginAttempt(contextAt(models, now), { attempt: admission.attempt, succeeded: true });
    }
    expect(guesses).toBe(defaults.network.free);
  });
});

describe("an account that there isn't", () => {
  it("is treated as one that there is, by the same commands, and leaves nothing after its time", async () => {
    const user = await makeUser(models);
    const [there, missing] = [{ ...somebody(), identifier: user.email }, somebody()];
    const see = (input: LoginAttemptInput) =>
      commandsDuring(database(), async () => {
        const answers = [];
        for (let attempt = 0; attempt < free + 2; attempt++) {
          const admission = await reserve(input);
          answers.push(admission.ok ? [admission.challenge] : admission);
          const failed = admission.ok && { attempt: admission.attempt, succeeded: false };
          if (failed && input === missing) await settleLoginAttempt(contextAt(models, now), failed);
        }
        return answers;
      });
    expect(await see(missing)).toEqual(await see(there));
    // Fifteen failures at most are counted, and one is forgotten in an hour.
    const key = sha256Text(`account:${missing.identifier}`);
    const profile = await models.LoginProfile.findOne({ subject: "account", key }).lean();
    expect(profile?.purgeAt).toEqual(after(15 * duration.hour));
    expect(profile?.userId).toBeUndefined();
  });

  it("costs two commands before the password, and a known device one", async () => {
    const person = somebody();
    const deviceCookie = randomKey();
    const { commands } = await commandsDuring(database(), () => reserve(person));
    expect(commands).toEqual(["findAndModify", "findAndModify"]);
    await succeed(person, now, deviceCookie);
    const known = await commandsDuring(database(), () => reserve({ ...person, deviceCookie }));
    expect(known.commands).toEqual(["findAndModify"]);
    const unknown = await commandsDuring(database(), () => reserve({ ...person, deviceCookie: randomKey() }));
    expect(unknown.commands).toEqual(["findAndModify", "findAndModify"]);
  });
});

describe("what is left of it", () => {
  it("tells the user of failures, and of the begin of delays once", async () => {
    const { _id: userId } = await makeUser(models);
    const person = somebody();
    for (let attempt = 0; attempt < free + 1; attempt++) {
      const at = after(attempt * duration.minute);
      const admission = await reserve(person, at);
      if (!admission.ok) throw new Error("refused");
      const origin = { network: "203.0.113.0/24" };
      await settleLoginAttempt(contextAt(models, at), {
        attempt: admission.attempt,
        succeeded: false,
        userId,
        origin,
      });
    }
    const kinds = (await listSecurityEvents(contextAt(models), { userId })).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "login_failed")).toHaveLength(free + 1);
    expect(kinds.filter((kind) => kind === "login_delayed")).toHaveLength(1);
  });

  it("is within the bounds of the schema, and goes with the user", async () => {
    const { _id: userId } = await makeUser(models);
    const person = somebody();
    for (let device = 0; device < 40; device++) {
      const deviceCookie = randomKey();
      const admission = await reserve({ ...person, deviceCookie }, after(device));
      if (!admission.ok) throw new Error("refused");
      const outcome = { attempt: admission.attempt, succeeded: true, userId, deviceCookie };
      await settleLoginAttempt(contextAt(models, after(device)), outcome);
    }
    const [profile] = await models.LoginProfile.find({ userId }).lean();
    expect(profile?.devices).toHaveLength(32);
    for (const document of await models.LoginProfile.find().lean()) {
      await new models.LoginProfile(document).validate();
    }
    const report = await eraseUserData(contextAt(models, now), { userId });
    expect(report).toMatchObject({ removed: { login_profiles: 1 }, remaining: { login_profiles: 0 } });
  });

  it.each([
    { identifier: 7 },
    { identifier: "x".repeat(100_000) },
    { identifier: "a", ip: { $ne: "" } },
    { identifier: "a", deviceCookie: "x".repeat(10_000) },
    { identifier: "a", other: 1 },
  ])("refuses bad input (%#)", async (wrong) => {
    await expect(reserve(wrong as unknown as LoginAttemptInput)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it.each([
    { account: { free: 0 } },
    { maxDelayMs: 10, firstDelayMs: 20 },
    { sharedNetworks: ["junk"] },
    { unknown: 1 },
  ])("refuses the policy %j", (wrong) => {
    const attempt = () =>
      createIdentity({ connection: database().connection, logins: wrong as LoginDefencePolicyInput });
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  it("takes an address that can't be read for no network", async () => {
    expect(await reserve({ ...somebody(), ip: "junk" })).toMatchObject({ ok: true });
  });
});
