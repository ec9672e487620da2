import { expect, test } from "vitest";
import { textOf } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { browserOf, makeAdmin } from "./world.js";

const setting = useIdentity();

const report = {
  score: 74,
  parts: [
    { part: "indexes", points: 80 },
    { part: "storage", points: null },
  ],
  findings: [
    {
      code: "UNUSED",
      part: "indexes",
      severity: "info",
      subject: "users.old",
      message: "Unused",
      evidence: "0 uses",
    },
    {
      code: "AUTH_OFF",
      part: "security",
      severity: "critical",
      subject: "*",
      message: "Authentication is <disabled>",
      evidence: "no users",
      command: "org-db health",
    },
  ],
  undecided: true,
} as const;

test("the health of the database is shown, the worst first, and checked at most once a minute", async () => {
  let checks = 0;
  const health = async () => {
    checks += 1;
    return report;
  };
  const app = await setting.app({ admin: { health } });
  const admin = await makeAdmin(setting, app, "identity:auditor");
  const [one, other] = await Promise.all([admin.get("/database"), admin.get("/database")]);
  expect(one.json()).toEqual({ ...report, checkedAt: setting.clock.now().toISOString() });
  expect([other.json(), checks]).toEqual([one.json(), 1]);
  const browser = await browserOf(app, admin);
  setting.clock.advance(60_000);
  const page = await browser.get("/admin/database");
  expect(checks).toBe(2);
  const text = textOf(page.body);
  for (const shown of [
    "Health: 74 of 100",
    "Authentication is &lt;disabled>",
    "org-db health",
    "not checked",
  ])
    expect(text).toContain(shown);
  expect(text.indexOf("AUTH_OFF")).toBeLessThan(text.indexOf("UNUSED"));
  const read = await setting.identity.audit.list({ action: "admin.database_read" });
  expect(read[0]?.details).toEqual([
    { key: "score", value: "74" },
    { key: "findings", value: "2" },
  ]);
});

test("a check that fails is no answer, and the next request checks again", async () => {
  let fails = true;
  const health = async () => {
    if (fails) throw new Error("unreachable");
    return report;
  };
  const app = await setting.app({ admin: { health } });
  const admin = await makeAdmin(setting, app, "identity:admin");
  expect((await admin.get("/database")).statusCode).toBe(500);
  fails = false;
  expect((await admin.get("/database")).statusCode).toBe(200);
});

test("without a check there is neither page nor route, and nobody sees it without the role", async () => {
  const without = await setting.app({ admin: true });
  const admin = await makeAdmin(setting, without, "identity:admin");
  expect((await admin.get("/database")).statusCode).toBe(404);
  const browser = await browserOf(without, admin);
  expect((await browser.get("/admin/database")).statusCode).toBe(404);
  expect((await browser.get("/admin/users")).body).not.toContain("/admin/database");
  const app = await setting.app({ admin: { health: async () => report } });
  const support = await makeAdmin(setting, app, "identity:support");
  expect((await support.get("/database")).json().code).toBe("INSUFFICIENT_ROLE");
});
