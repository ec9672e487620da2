import { Types } from "mongoose";
import { beforeAll, expect, test } from "vitest";
import { password, useIdentity } from "../support.js";
import { browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();

beforeAll(async () => {
  const user = await setting.identity.users.register({ email: "root@example.com", password });
  await setting.identity.administrators.setRoles({ userId: user._id, roles: ["identity:admin"] });
});

test("users are listed by status, by role and by last activity, by pages", async () => {
  const app = await setting.app({ admin: true });
  const admin = await makeAdmin(setting, app, "identity:support");
  const users = [await makeUser(app), await makeUser(app), await makeUser(app)] as const;
  const [first, second, third] = users.map(({ userId }) => userId);
  const { collection } = setting.identity.models.User;
  const day = 86_400_000;
  const start = setting.clock.now().getTime() + day;
  for (const [index, { id }] of [users[1], users[0], users[2]].entries())
    await collection.updateOne({ _id: id }, { $set: { lastActiveAt: new Date(start + index * day) } });
  await setting.identity.users.setRoles({ userId: users[0].id, roles: ["editor"] });
  await setting.identity.users.setStatus({ userId: users[2].id, status: "suspended" });
  const never = await setting.identity.users.register({ email: "never@example.com", password });

  const list = async (query: string) => (await admin.get(`/users?${query}`)).json();
  const idsOf = ({ users: found }: { users: { id: string }[] }) => found.map(({ id }) => id);
  const one = await list("sort=active&limit=2");
  expect(idsOf(one)).toEqual([third, first]);
  expect(idsOf(await list(`sort=active&limit=1&before=${one.next}`))).toEqual([second]);
  expect(idsOf(await list("sort=active&limit=200"))).not.toContain(never._id.toHexString());
  const active = await list("sort=active&status=active&limit=2");
  expect(idsOf(active)).toEqual([first, second]);
  expect(idsOf(await list("sort=active&status=suspended"))).toEqual([third]);
  expect(idsOf(await list("role=editor"))).toEqual([first]);
  expect(idsOf(await list("limit=1"))).toEqual([never._id.toHexString()]);
  for (const query of ["role=editor&status=active", "role=editor&sort=active", "sort=email"])
    expect((await list(query)).code).toBe("INVALID_INPUT");

  const browser = await browserOf(app, admin);
  const shownIn = async (query: string) => {
    const { body } = await browser.get(`/admin/users?${query}`);
    return users.filter(({ userId }) => body.includes(`/admin/users/${userId}"`)).map(({ userId }) => userId);
  };
  expect(await shownIn("role=editor&status=suspended")).toEqual([first]);
  expect(await shownIn("status=suspended&sort=active")).toEqual([third]);
  expect(await shownIn("status=nothing&sort=nothing&role=")).toEqual([first, second, third]);
});

test("the page of a user leads to the reports of their sign-ins alone", async () => {
  const app = await setting.app({ admin: true });
  const admin = await makeAdmin(setting, app, "identity:support");
  const [one, other] = [await makeUser(app), await makeUser(app)];
  for (const { id: userId } of [one, other]) {
    const risk = { score: 71.4, level: "high", reasons: ["new_country"] } as const;
    const opened = await setting.identity.sessions.open({
      userId,
      risk: { ...risk, reasons: [...risk.reasons] },
    });
    await setting.identity.signInReports.report({
      userId,
      sessionId: opened.id,
      fromSessionId: new Types.ObjectId(),
    });
  }
  const browser = await browserOf(app, admin);
  const page = (await browser.get(`/admin/users/${one.userId}`)).body;
  expect(page).toContain(`/admin/reports?user=${one.userId}`);
  expect(page).toContain("<bdi>71</bdi> of 100");
  const reports = (await browser.get(`/admin/reports?user=${one.userId}`)).body;
  expect(reports).toContain(one.email);
  expect(reports).not.toContain(other.email);
  expect((await browser.get("/admin/reports?user=x")).statusCode).toBe(404);
});
