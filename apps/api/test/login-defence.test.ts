import { expect, test, vi } from "vitest";
import { password, useApi } from "./support/api.js";

const api = useApi({ trustProxy: ["127.0.0.1"] });
const free = 5;

function attempt(
  identifier: string,
  options: { ip?: string; cookie?: string; right?: boolean } = {},
  app = api.app,
) {
  const { ip = "203.0.113.7", cookie, right = false } = options;
  return app.inject({
    method: "POST",
    url: "/v1/sessions",
    headers: { "x-forwarded-for": ip, ...(cookie && { cookie }) },
    payload: { identifier, password: right ? password : "a wrong password" },
  });
}

const deviceCookieOf = (answer: Awaited<ReturnType<typeof attempt>>) => {
  const set = answer.cookies.find(({ name }) => name === "__Host-device");
  return set && `${set.name}=${set.value}`;
};

test("guesses are delayed longer each time, for accounts that there are and that there aren't alike", async () => {
  const { email } = await api.register();
  const see = async (identifier: string, ip: string) => {
    const answers = [];
    for (let guess = 0; guess < free + 1; guess++) {
      const answer = await attempt(identifier, { ip });
      const { requestId: _, ...body } = answer.json();
      answers.push([answer.statusCode, answer.headers["retry-after"], body]);
    }
    return answers;
  };
  const known = await see(email, "203.0.113.1");
  expect(known.map(([status]) => status)).toEqual([401, 401, 401, 401, 401, 429]);
  expect(known.at(-1)).toMatchObject([429, "1", { code: "SIGN_IN_DELAYED", challenge: false }]);
  expect(await see("nobody@example.com", "203.0.114.1")).toEqual(known);
});

test("parallel guesses at two instances get no more tries", async () => {
  const { email } = await api.register();
  const other = await api.build();
  await attempt(email, { ip: "198.51.100.1" });
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      attempt(email, { ip: `198.51.${index}.1` }, index % 2 ? other : api.app),
    ),
  );
  expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(free - 1);
  expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(101 - free);
});

test("nobody is locked out of a device that they have used, nor out of their account for good", async () => {
  const { email } = await api.register();
  const cookie = deviceCookieOf(await attempt(email, { right: true }));
  expect(cookie).toBeTruthy();
  for (let guess = 0; guess < 20; guess++) await attempt(email, { ip: "192.0.2.66" });
  const stranger = await attempt(email, { right: true });
  expect([stranger.statusCode, stranger.json().code]).toEqual([429, "SIGN_IN_DELAYED"]);
  expect((await attempt(email, { right: true, cookie: cookie ?? "" })).statusCode).toBe(201);
  api.clock.advance(1_000);
  expect((await attempt(email, { right: true })).statusCode).toBe(201);
});

test("the user hears of failures, and that delays have begun", async () => {
  const person = await api.register();
  for (let guess = 0; guess < 10; guess++) await attempt(person.email, { ip: "192.0.3.66" });
  api.clock.advance(60_000);
  const { bearer } = await api.signIn(person);
  // Recorded after the answers, so that their time does not tell that there is such an account.
  await vi.waitFor(
    async () => {
      const { events } = (await api.app.inject({ url: "/v1/security/events", headers: bearer })).json();
      const kinds = events.map(({ kind }: { kind: string }) => kind);
      expect(kinds.filter((kind: string) => kind === "login_failed")).toHaveLength(free);
      expect(kinds.filter((kind: string) => kind === "login_delayed")).toHaveLength(1);
    },
    { timeout: 20_000 },
  );
});

test("a solved challenge stands in for waiting", async () => {
  const app = await api.build({}, { solvesChallenge: async ({ headers }) => headers["x-solved"] === "yes" });
  const { email } = await api.register();
  for (let guess = 0; guess < free; guess++) await attempt(email, {}, app);
  expect((await attempt(email, { right: true }, app)).statusCode).toBe(429);
  const payload = { identifier: email, password };
  const headers = { "x-solved": "yes" };
  expect((await app.inject({ method: "POST", url: "/v1/sessions", payload, headers })).statusCode).toBe(201);
});

test("the password that erases an account can't be guessed either", async () => {
  const person = await api.register();
  const { bearer } = await api.signIn(person);
  const erase = (guess: string) =>
    api.app.inject({ method: "DELETE", url: "/v1/account", headers: bearer, payload: { password: guess } });
  const statuses = [];
  for (let guess = 0; guess < free + 1; guess++) statuses.push((await erase("a wrong password")).statusCode);
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
});
