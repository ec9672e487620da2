import { beforeAll, expect, test } from "vitest";
import { cookie, type Person, password, type SignedInPerson, useApi } from "./support/api.js";

const api = useApi();
let person: Person;
let mine: SignedInPerson;
beforeAll(async () => {
  person = await api.register();
  mine = await api.signIn(person);
});

const host = "id.example.com";
const cases: Array<[name: string, headers: Record<string, string>, status: number]> = [
  ["a page of ours", { "sec-fetch-site": "same-origin", origin: "https://id.example.com" }, 200],
  ["the person at the address bar", { "sec-fetch-site": "none" }, 200],
  ["a page of a sister site", { "sec-fetch-site": "same-site", origin: "https://www.example.com" }, 403],
  ["a page of another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }, 403],
  ["an old browser, a page of ours", { origin: "https://id.example.com" }, 200],
  ["an old browser, another page", { origin: "https://evil.example" }, 403],
  ["an old browser, another port", { origin: "https://id.example.com:8443" }, 403],
  ["a sandboxed page", { origin: "null" }, 403],
  ["an origin that is none", { origin: "%%%" }, 403],
  ["a program", {}, 200],
];

test.each(cases)("with a cookie, %s: %s -> %i", async (_name, headers, status) => {
  const request = { method: "PATCH", url: "/v1/profile", payload: { theme: "dark" } } as const;
  const answer = await api.app.inject({ ...request, headers: { host, ...cookie(mine.token), ...headers } });
  expect(answer.statusCode).toBe(status);
  if (status === 403) expect(answer.json().code).toBe("CROSS_ORIGIN");
});

test("a page of another site can't sign its visitor in", async () => {
  const answer = await api.app.inject({
    method: "POST",
    url: "/v1/sessions",
    headers: { host, "sec-fetch-site": "cross-site" },
    payload: { identifier: person.email, password },
  });
  expect(answer.statusCode).toBe(403);
  expect(answer.headers["set-cookie"]).toBeUndefined();
});

test("reading, and a bearer token, need no origin", async () => {
  const foreign = { host, "sec-fetch-site": "cross-site", origin: "https://app.example" };
  const read = await api.app.inject({ url: "/v1/session", headers: { ...foreign, ...cookie(mine.token) } });
  expect(read.statusCode).toBe(200);
  const change = await api.app.inject({
    method: "PATCH",
    url: "/v1/profile",
    headers: { ...foreign, ...mine.bearer },
    payload: { theme: "light" },
  });
  expect(change.statusCode).toBe(200);
});

test("no answer lets a page of another origin read it", async () => {
  const answer = await api.app.inject({ url: "/v1/session", headers: { origin: "https://evil.example" } });
  expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
});
