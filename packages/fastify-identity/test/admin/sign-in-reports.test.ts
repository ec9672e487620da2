import { Types } from "mongoose";
import { beforeAll, expect, test } from "vitest";
import { password, useIdentity } from "../support.js";
import { auditOf, browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();

/** The first one stays, so that the others are not the last. */
beforeAll(async () => {
  const root = await setting.identity.users.register({ email: "root@example.com", password });
  await setting.identity.administrators.setRoles({ userId: root._id, roles: ["identity:admin"] });
});

async function reported(userId: Types.ObjectId): Promise<string> {
  const risk = { score: 71.4, level: "high", reasons: ["new_country", "new_device"] } as const;
  const { id: sessionId } = await setting.identity.sessions.open({
    userId,
    risk: { ...risk, reasons: [...risk.reasons] },
  });
  const said = { userId, sessionId, fromSessionId: new Types.ObjectId() };
  await setting.identity.signInReports.report(said);
  return sessionId.toHexString();
}

test("reports are listed with how the sign-in was judged and why, by pages, and the reading is recorded", async () => {
  const app = await setting.app({ admin: true });
  const [one, other] = [await makeUser(app), await makeUser(app)];
  const first = await reported(one.id);
  setting.clock.advance(1_000);
  const second = await reported(other.id);
  const admin = await makeAdmin(setting, app, "identity:auditor");
  const page = (await admin.get("/sign-in-reports?limit=1")).json();
  expect(page.reports).toMatchObject([
    {
      sessionId: second,
      email: other.email,
      risk: { score: 71.4, level: "high", reasons: ["new_country", "new_device"] },
      takenOff: { password: true },
    },
  ]);
  const next = (await admin.get(`/sign-in-reports?limit=1&before=${page.next}`)).json();
  expect(next.reports).toMatchObject([{ sessionId: first, email: one.email }]);
  const own = (await admin.get(`/sign-in-reports?userId=${one.userId}`)).json();
  expect(own.reports).toHaveLength(1);
  expect(await auditOf(setting, one.id)).toContain("admin.sign_in_reports_listed");

  const html = (await (await browserOf(app, admin)).get("/admin/reports")).body;
  for (const shown of [one.email, other.email, "<bdi>71</bdi> of 100", "new_country"])
    expect(html).toContain(shown);
});

test("nobody reads reports without a role for users", async () => {
  const app = await setting.app({ admin: true });
  const user = await makeUser(app);
  const asked = await app.inject({ url: "/v1/admin/sign-in-reports", headers: user.bearer });
  expect([asked.statusCode, asked.json().code]).toEqual([403, "INSUFFICIENT_ROLE"]);
});
