import { expect, test } from "vitest";
import { textOf } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { makeClient, makeVisitor, signIn } from "./world.js";

const setting = useIdentity();

async function makeOwner() {
  const app = await setting.app({ oauth: true });
  const owner = await makeVisitor(setting, app);
  await signIn(owner.visitor, owner.email);
  return { app, ...owner };
}

const usageOf = (clientId: string) => `/account/apps/own/usage?client_id=${encodeURIComponent(clientId)}`;

test("an owner sees the use of their apps, by day and endpoint", async () => {
  const { visitor, userId } = await makeOwner();
  const { clientId } = await makeClient(setting, { ownerId: userId, name: "Calendar" });
  for (const failed of [false, false, true])
    setting.identity.usage.trackApp({ clientId, endpoint: "POST /oauth/token refresh_token", failed });
  await setting.identity.flush();
  expect((await visitor.get("/account/apps")).body).toContain('href="/account/apps/own"');
  const list = (await visitor.get("/account/apps/own")).body;
  expect(textOf(list)).toContain("Calendar");
  expect(list).toContain(usageOf(clientId));
  const shown = (await visitor.get(usageOf(clientId))).body;
  expect(textOf(shown)).toContain("Use of Calendar");
  expect(textOf(shown)).toContain("POST /oauth/token refresh_token");
  expect(shown).toMatch(/Requests by day: 3 in 30 days/);
});

test("who owns none sees no link to them, and an empty list", async () => {
  const { visitor } = await makeOwner();
  expect((await visitor.get("/account/apps")).body).not.toContain("/account/apps/own");
  expect(textOf((await visitor.get("/account/apps/own")).body)).toContain("You own no app.");
});

test.each([
  ["another person's", async () => (await makeClient(setting)).clientId],
  ["one that there is not", async () => "nothing"],
  ["none", async () => ""],
  ["an address", async () => "https://app.example/<script>"],
])("the use of %s app is not found", async (_whose, clientIdOf) => {
  const { visitor } = await makeOwner();
  const answer = await visitor.get(usageOf(await clientIdOf()));
  expect([answer.statusCode, textOf(answer.body)]).toEqual([404, expect.not.stringContaining("Notes")]);
});

test("nobody sees them without a session, nor without the provider", async () => {
  const { app } = await makeOwner();
  const { visitor: stranger } = await makeVisitor(setting, app);
  for (const path of ["/account/apps/own", usageOf("x")])
    expect((await stranger.get(path)).headers.location).toMatch(/^\/account\/sign-in/);
  const { visitor, email } = await makeVisitor(setting, await setting.app());
  await signIn(visitor, email);
  expect((await visitor.get("/account/apps/own")).statusCode).toBe(404);
});

test("more apps than a page holds are on the next one, each once", async () => {
  const { visitor, userId } = await makeOwner();
  const names = Array.from({ length: 53 }, (_, at) => `App number ${at}.`);
  for (const name of names) await makeClient(setting, { ownerId: userId, name, type: "public" });
  const first = (await visitor.get("/account/apps/own")).body;
  const older =
    /href="(\/account\/apps\/own\?before=[^"]+)"/.exec(first)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const both = [first, (await visitor.get(older)).body].map(textOf).join(" ");
  for (const name of names) expect(both.split(name)).toHaveLength(3);
});
