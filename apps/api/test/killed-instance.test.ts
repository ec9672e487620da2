import { codeOf } from "@org/dev-kit/authenticator-app";
import { beforeAll, expect, test } from "vitest";
import { password, useApi } from "./support/api.js";
import { type Answer, type Asked, ask, startInstances } from "./support/instances.js";

const api = useApi();
const logins = { account: { free: 1_000, challengeAfter: 1_000 } };
const config = { sealKeys: [{ id: "test", key: "k".repeat(43) }] };
let first: Awaited<ReturnType<typeof startInstances>>[number];
let second: typeof first;

beforeAll(async () => {
  const [one, two] = await startInstances(2, api.uri, { policies: { logins }, config });
  if (!one || !two) throw new Error("not started");
  first = one;
  second = two;
});

const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` });
/** What a client got; nothing when the instance died before it answered. */
const tried = (address: string, path: string, asked: Asked): Promise<Answer | undefined> =>
  ask(address, path, asked).catch(() => undefined);

async function newcomer() {
  const { email } = await api.register();
  const credentials = { identifier: email, password, delivery: "token" };
  const { body } = await ask(first.address, "/sessions", { payload: credentials });
  return { credentials, token: String(body.token) };
}

test("an instance that is killed under load signs nobody out, and takes no acknowledged change with it", async () => {
  const people = await Promise.all(Array.from({ length: 8 }, newcomer));
  // A second factor, a remembered device's challenge and a held sign-in, all begun at the one that dies.
  const owner = await newcomer();
  const enrolled = await ask(first.address, "/factors/totp", {
    method: "POST",
    headers: bearer(owner.token),
  });
  const secret = String(enrolled.body.secret);
  const code = codeOf(secret, new Date());
  const confirmed = await ask(first.address, "/factors/totp/confirm", {
    headers: bearer(owner.token),
    payload: { code },
  });
  expect(confirmed.status).toBe(200);
  const held = await ask(first.address, "/sessions", { payload: owner.credentials });
  expect(held.body).toMatchObject({ code: "CHALLENGE_REQUIRED", ask: expect.arrayContaining(["totp"]) });

  const acknowledged: { token: string; name: string }[] = [];
  const keys: string[] = [];
  let over = false;
  const working = people.map(async ({ token }, who) => {
    for (let round = 0; !over; round++) {
      const name = `person ${who} round ${round}`;
      const changed = await tried(first.address, "/profile", {
        method: "PATCH",
        headers: bearer(token),
        payload: { displayName: name },
      });
      if (changed?.status === 200) acknowledged[who] = { token, name };
      const made = await tried(first.address, "/api-keys", {
        headers: bearer(token),
        payload: { name, scopes: ["profile:read"] },
      });
      if (made?.status === 201) keys.push(String(made.body.key));
    }
  });
  await expect.poll(() => keys.length, { timeout: 60_000 }).toBeGreaterThan(20);
  first.kill();
  over = true;
  await Promise.all(working);

  for (const { token } of people) {
    expect((await ask(second.address, "/session", { headers: bearer(token) })).status).toBe(200);
  }
  for (const { token, name } of acknowledged) {
    const { body } = await ask(second.address, "/profile", { headers: bearer(token) });
    const shown = (body.profile as { displayName: string }).displayName;
    // A write without an acknowledgement may be there; nothing older than the acknowledged one.
    expect(Number(/\d+$/.exec(shown)?.[0])).toBeGreaterThanOrEqual(Number(/\d+$/.exec(name)?.[0]));
  }
  const used = await Promise.all(
    keys.map((key) => ask(second.address, "/profile", { headers: { "x-api-key": key } })),
  );
  expect(new Set(used.map(({ status }) => status))).toEqual(new Set([200]));
  // The code of the enrolment is spent, at the other instance too; the sign-in goes on there with another proof.
  const goOn = (payload: object) =>
    ask(second.address, "/sessions/challenge", {
      payload: { challenge: held.body.challenge, delivery: "token", ...payload },
    });
  expect((await goOn({ totp: code })).body.code).toBe("CHALLENGE_FAILED");
  expect((await goOn({ totp: codeOf(secret, new Date(Date.now() + 30_000)) })).status).toBe(201);
}, 180_000);
