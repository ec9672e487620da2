import { expect, test } from "vitest";
import { password, someone, useIdentity } from "./support.js";

const setting = useIdentity();

test.each([
  ["signs out", "DELETE", () => "/v1/session"],
  ["ends its session", "DELETE", (id: string) => `/v1/sessions/${id}`],
  ["ends all sessions", "DELETE", () => "/v1/sessions?all=true"],
  ["erases the account", "DELETE", () => "/v1/account"],
] as const)(
  "a program that %s leaves the cookie of a browser that it sends along",
  async (_what, method, urlOf) => {
    const app = await setting.app();
    const [mine, other] = [await someone(app), await someone(app)];
    const { id } = (await app.inject({ url: "/v1/session", headers: mine.bearer })).json();
    const end = { method, url: urlOf(id), ...(urlOf(id) === "/v1/account" && { payload: { password } }) };
    const done = await app.inject({ ...end, headers: { ...other.cookie, ...mine.bearer } });
    expect(done.statusCode, done.body).toBeLessThan(300);
    expect(done.headers["set-cookie"]).toBeUndefined();
    const still = await app.inject({ url: "/v1/session", headers: other.cookie });
    expect(still.json()).toMatchObject({ userId: other.userId });
  },
);
