import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { OptionsError } from "../src/index.js";
import { password, useIdentity } from "./support.js";

const setting = useIdentity();
const limits = { requests: 40, passwords: 5, store: "database" } as const;
const twoApps = async () => [
  await setting.app({ rateLimit: limits }),
  await setting.app({ rateLimit: limits }),
];

let asked = 0;

function ask(app: FastifyInstance | undefined, remoteAddress: string) {
  if (!app) throw new Error("no app");
  // Somebody else each time: guesses at one account are delayed by another defence.
  asked += 1;
  const payload = { identifier: `nobody${asked}@example.com`, password };
  return app.inject({ method: "POST", url: "/v1/sessions", payload, remoteAddress });
}

test("apps on one database count a client together, each kind apart, with the draft's headers", async () => {
  const [one, two] = await twoApps();
  const client = "192.0.2.1";
  const all = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index % 2 ? one : two, client)));
  const through = all.filter(({ statusCode }) => statusCode !== 429);
  expect(through).toHaveLength(5);
  const refused = await ask(two, client);
  expect(refused.json()).toMatchObject({ code: "RATE_LIMITED", status: 429 });
  expect(refused.headers).toMatchObject({ "ratelimit-limit": "5", "ratelimit-remaining": "0" });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect((await ask(one, "192.0.2.2")).statusCode).toBe(401);
  const other = {
    method: "POST",
    url: "/v1/password-reset",
    payload: { email: "nobody@example.com" },
  } as const;
  expect((await one?.inject({ ...other, remoteAddress: client }))?.statusCode).toBe(202);
  setting.clock.advance(60_000);
  expect((await ask(one, client)).statusCode).toBe(401);
});

test("addresses of one /64 are one client, and the pages count with the routes", async () => {
  const [one, two] = await twoApps();
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      (index % 2 ? one : two)?.inject({
        url: index % 3 ? "/v1/session" : "/account/sign-out",
        remoteAddress: `2001:db8:7:7::${index.toString(16)}`,
      }),
    ),
  );
  const through = answers.filter((answer) => answer?.statusCode !== 429).length;
  expect(through).toBeLessThanOrEqual(40);
  // A piece is four requests: so much the one app may have taken and not spent.
  expect(through).toBeGreaterThanOrEqual(37);
});

test("a store that is none is refused", async () => {
  await expect(setting.app({ rateLimit: { store: "redis" as never } })).rejects.toThrow(OptionsError);
});
