import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { Types } from "mongoose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  claimApproval,
  decideOnApproval,
  listApprovals,
  readApproval,
  releaseApproval,
  requestApproval,
} from "../src/administrators/approvals.js";
import { listAdministrators, setAdministratorRoles } from "../src/administrators/register.js";
import { duration } from "../src/core/limits.js";
import { type AdministratorRole, defineModels, type IdentityModels } from "../src/index.js";
import { openSession } from "../src/sessions/open.js";
import { setUserRoles, setUserStatus } from "../src/users/accounts.js";
import type { Dismissal } from "./children/administrator.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser } from "./database.js";
import { eraseUserData } from "./erasing.js";
import { now } from "./moment.js";

const temporary = useTemporaryDatabase({ label: "administrators" });
let models: IdentityModels;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
});
beforeEach(async () => void (await models.AdministratorRegister.deleteMany({})));

const child = await bundleChild(new URL("./children/administrator.ts", import.meta.url), { whole: true });
const context = () => contextAt(models, now);
const appoint = (userId: Types.ObjectId, ...roles: AdministratorRole[]) =>
  setAdministratorRoles(context(), { userId, roles });
const rolesOf = async (id: Types.ObjectId) => (await models.User.findById(id).lean())?.roles;

/** Active accounts that the register and the account itself both call an administrator. */
async function administratorsLeft(): Promise<number> {
  const members = await listAdministrators(context());
  const ids = members.filter(({ roles }) => roles.includes("identity:admin")).map(({ userId }) => userId);
  return models.User.countDocuments({ _id: { $in: ids }, status: "active", roles: "identity:admin" });
}

describe("roles", () => {
  it("are in the register, the account and its live sessions, beside those of the application", async () => {
    const { _id: userId } = await makeUser(models, { roles: ["editor"] });
    const { id } = await openSession(context(), { userId });
    await appoint(userId, "identity:admin", "identity:auditor");
    const given = ["editor", "identity:auditor", "identity:admin"];
    expect(await rolesOf(userId)).toEqual(given);
    expect((await models.UserSession.findById(id).lean())?.roles).toEqual(given);
    const member = { userId, roles: ["identity:auditor", "identity:admin"], since: now };
    expect(await listAdministrators(context())).toEqual([member]);
  });

  it("of the application change without touching them", async () => {
    const { _id: userId } = await makeUser(models, { roles: ["editor"] });
    await appoint(userId, "identity:admin");
    await setUserRoles(context(), { userId, roles: ["$writer"] });
    expect(await rolesOf(userId)).toEqual(["$writer", "identity:admin"]);
  });

  it.each(["identity:admin", "identity:owner", "Identity:Admin", " identity:support "])(
    "%s is not given by users.setRoles to any caller",
    async (role) => {
      const { _id: userId } = await makeUser(models);
      const setting = setUserRoles(context(), { userId, roles: [role] });
      await expect(setting).rejects.toMatchObject({ code: "INVALID_INPUT" });
      expect(await rolesOf(userId)).toEqual([]);
    },
  );

  it("that do not exist, and accounts that are locked or gone, are refused", async () => {
    const { _id: userId } = await makeUser(models, { status: "suspended" });
    await expect(appoint(userId, "identity:admin")).rejects.toMatchObject({ code: "USER_NOT_ACTIVE" });
    await expect(appoint(new Types.ObjectId(), "identity:admin")).rejects.toMatchObject({
      code: "USER_NOT_FOUND",
    });
    await expect(appoint(userId, "identity:owner" as AdministratorRole)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect(await listAdministrators(context())).toEqual([]);
  });

  it("end with the account's activity, and do not come back with it", async () => {
    const [one, other] = [await makeUser(models), await makeUser(models)];
    await appoint(one._id, "identity:admin");
    await appoint(other._id, "identity:admin");
    await setUserStatus(context(), { userId: other._id, status: "suspended" });
    await setUserStatus(context(), { userId: other._id, status: "active" });
    expect(await rolesOf(other._id)).toEqual([]);
    expect((await listAdministrators(context())).map(({ userId }) => userId)).toEqual([one._id]);
  });

  it("a call that was stopped between the register and the account is completed by the same call", async () => {
    const [one, other] = [await makeUser(models), await makeUser(models, { roles: ["identity:admin"] })];
    await appoint(one._id, "identity:admin");
    await appoint(other._id);
    expect(await rolesOf(other._id)).toEqual([]);
  });
});

describe("the last administrator", () => {
  it("can't be demoted, locked or erased, and nothing of the account changes", async () => {
    const { _id: userId } = await makeUser(models);
    const { id } = await openSession(context(), { userId });
    await appoint(userId, "identity:admin");
    const last = { code: "LAST_ADMINISTRATOR" };
    await expect(appoint(userId)).rejects.toMatchObject(last);
    await expect(appoint(userId, "identity:auditor")).rejects.toMatchObject(last);
    await expect(setUserStatus(context(), { userId, status: "suspended" })).rejects.toMatchObject(last);
    await expect(eraseUserData(context(), { userId })).rejects.toMatchObject(last);
    expect(await models.Erasure.countDocuments({ userId })).toBe(0);
    expect((await models.UserSession.findById(id).lean())?.revokedAt).toBeUndefined();
    expect(await administratorsLeft()).toBe(1);
  });

  it("is not who has another role of the admin area", async () => {
    const [one, other] = [await makeUser(models), await makeUser(models)];
    await appoint(one._id, "identity:admin");
    await appoint(other._id, "identity:support");
    await appoint(other._id);
    await expect(appoint(one._id)).rejects.toMatchObject({ code: "LAST_ADMINISTRATOR" });
  });

  const ways = ["demotion", "lock", "erasure"] as const;
  const start = () => startChild(child, temporary.uri);

  it("100 parallel dismissals of 20 administrators in two processes leave one", async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => makeUser(models)));
    for (const { _id } of users) await appoint(_id, "identity:admin");
    const dismissals: Dismissal[] = Array.from({ length: 100 }, (_, at) => ({
      userId: String(users[at % users.length]?._id),
      by: ways[Math.floor(at / users.length) % ways.length] ?? "demotion",
    }));
    const children = [start(), start()];
    await Promise.all(children.map((one) => one.hasPrinted("ready\n")));
    for (const [at, one] of children.entries()) {
      one.tell(JSON.stringify(dismissals.filter((_, index) => index % 2 === at)));
    }
    await Promise.all(children.map(({ exited }) => exited));
    const said = children.flatMap((one) => [...one.printed().matchAll(/^(done|refused.*)$/gm)]);
    expect(said).toHaveLength(100);
    expect(said.map(([what]) => what)).toContain("refused LAST_ADMINISTRATOR");
    expect(await administratorsLeft()).toBe(1);
  });

  const kills = faultLoop({ seed: 20_261_129, kinds: ways.length });

  it(`stays, wherever the process that dismisses is killed: ${kills.planned} kills (seed ${kills.seed})`, async () => {
    const next = childrenAhead(2, kills.planned, start);
    for (const { kind, at } of kills.rounds()) {
      await models.AdministratorRegister.deleteMany({});
      const users = await Promise.all(Array.from({ length: 4 }, () => makeUser(models)));
      for (const { _id } of users) await appoint(_id, "identity:admin");
      const one = await next();
      const by = ways[kind] ?? "demotion";
      one.tell(JSON.stringify(users.map(({ _id }) => ({ userId: String(_id), by }))));
      await setTimeout(at * 60);
      one.kill();
      await one.exited;
      expect(await administratorsLeft()).toBeGreaterThanOrEqual(1);
    }
  });
});

describe("approvals", () => {
  const [asking, subject] = [new Types.ObjectId(), new Types.ObjectId()];
  let other: Types.ObjectId;
  beforeEach(async () => {
    ({ _id: other } = await makeUser(models));
    await appoint(other, "identity:admin");
  });
  const request = { action: "user.erase", subjectId: subject, requestedBy: asking, reason: "Ticket 4711" };
  const claim = { action: "user.erase", subjectId: subject, requestedBy: asking };

  it("take another administrator than the one who asks", async () => {
    const { _id: id } = await requestApproval(context(), request);
    expect(await claimApproval(context(), { ...claim, id })).toBe(false);
    expect(await decideOnApproval(context(), { id, decidedBy: asking, approve: true })).toBe(false);
    expect(await decideOnApproval(context(), { id, decidedBy: other, approve: true })).toBe(true);
    expect(await decideOnApproval(context(), { id, decidedBy: other, approve: false })).toBe(false);
    expect(await claimApproval(context(), { ...claim, id })).toBe(true);
  });

  it("are good for the very act, user and administrator, and not once they have expired", async () => {
    const { _id: id, expiresAt } = await requestApproval(context(), request);
    await decideOnApproval(context(), { id, decidedBy: other, approve: true });
    for (const wrong of [
      { action: "user.export" },
      { subjectId: new Types.ObjectId() },
      { targetId: new Types.ObjectId() },
      { requestedBy: other },
      { id: new Types.ObjectId() },
    ]) {
      expect(await claimApproval(context(), { ...claim, id, ...wrong })).toBe(false);
    }
    expect(await claimApproval(contextAt(models, expiresAt), { ...claim, id })).toBe(false);
    expect(await claimApproval(context(), { ...claim, id })).toBe(true);
  });

  it.each<[string, AdministratorRole[], boolean]>([
    ["an administrator with more roles", ["identity:admin", "identity:auditor"], true],
    ["with another role alone", ["identity:support"], false],
    ["dismissed", [], false],
  ])("are good while who gave them is one: %s", async (_what, roles, isGood) => {
    const { _id: another } = await makeUser(models);
    await appoint(another, "identity:admin");
    const { _id: id } = await requestApproval(context(), request);
    await decideOnApproval(context(), { id, decidedBy: other, approve: true });
    await appoint(other, ...roles);
    expect(await claimApproval(context(), { ...claim, id })).toBe(isGood);
    await appoint(other, "identity:admin");
    expect(await claimApproval(context(), { ...claim, id })).toBe(false);
  });

  describe("take two people, not two accounts", () => {
    const start = new Date(now.getTime() - 30 * duration.day);
    const late = now;
    type Gift = [to: string, by: string | undefined, at: Date];

    // Who gave whom the roles, in this order; then who asks, and who approves.
    it.each<[string, Gift[], string, string, boolean]>([
      [
        "both by the operator",
        [
          ["a", undefined, late],
          ["b", undefined, late],
        ],
        "b",
        "a",
        true,
      ],
      [
        "who approves gave the roles",
        [
          ["a", undefined, start],
          ["b", "a", start],
        ],
        "b",
        "a",
        false,
      ],
      [
        "who asks gave the roles",
        [
          ["a", undefined, start],
          ["b", "a", start],
        ],
        "a",
        "b",
        false,
      ],
      [
        "by way of a third",
        [
          ["a", undefined, start],
          ["c", "a", start],
          ["b", "c", start],
        ],
        "b",
        "a",
        false,
      ],
      [
        "given again by a third of theirs",
        [
          ["a", undefined, start],
          ["b", "a", start],
          ["c", "a", start],
          ["b", "c", start],
        ],
        "b",
        "a",
        false,
      ],
      [
        "the third was dismissed",
        [
          ["a", undefined, start],
          ["c", "a", start],
          ["b", "c", start],
          ["c", "nobody", start],
        ],
        "b",
        "a",
        false,
      ],
      [
        "dismissed and appointed again",
        [
          ["a", undefined, start],
          ["b", "a", start],
          ["b", "nobody", start],
          ["b", "a", start],
        ],
        "b",
        "a",
        false,
      ],
      [
        "given again by the operator",
        [
          ["a", undefined, start],
          ["b", "a", start],
          ["b", undefined, late],
        ],
        "b",
        "a",
        true,
      ],
      [
        "two of one who appointed them long ago",
        [
          ["a", undefined, start],
          ["b", "a", start],
          ["c", "a", start],
        ],
        "b",
        "c",
        true,
      ],
      [
        "who approves was appointed today",
        [
          ["a", undefined, start],
          ["b", "a", start],
          ["c", "a", late],
        ],
        "b",
        "c",
        false,
      ],
      [
        "who asks was appointed today",
        [
          ["a", undefined, start],
          ["b", "a", late],
          ["c", "a", start],
        ],
        "b",
        "c",
        true,
      ],
      [
        "a week ago",
        [
          ["a", undefined, start],
          ["b", "a", late],
          ["c", "a", new Date(late.getTime() - 7 * duration.day)],
        ],
        "b",
        "c",
        true,
      ],
    ])("%s", async (_what, gifts, asks, approves, isGood) => {
      await models.AdministratorRegister.deleteMany({});
      const people = new Map<string, Types.ObjectId>();
      for (const name of ["a", "b", "c"]) people.set(name, (await makeUser(models))._id);
      const idOf = (name: string) => people.get(name) ?? new Types.ObjectId();
      for (const [to, by, at] of gifts) {
        const given = { userId: idOf(to), roles: by === "nobody" ? [] : (["identity:admin"] as const) };
        await setAdministratorRoles(contextAt(models, at), { ...given, ...(by && { by: idOf(by) }) });
      }
      const asked = { ...request, requestedBy: idOf(asks) };
      const { _id: id } = await requestApproval(context(), asked);
      expect(await decideOnApproval(context(), { id, decidedBy: idOf(approves), approve: true })).toBe(
        isGood,
      );
      // Also where the roles were given after the approval.
      await models.AdminApproval.updateOne({ _id: id }, { status: "approved", decidedBy: idOf(approves) });
      expect(await claimApproval(context(), { ...claim, requestedBy: idOf(asks), id })).toBe(isGood);
    });

    it("is known of nobody who was erased", async () => {
      const [{ _id: giver }, { _id: user }] = [await makeUser(models), await makeUser(models)];
      await appoint(giver, "identity:admin");
      await setAdministratorRoles(context(), { userId: user, roles: ["identity:admin"], by: giver });
      expect((await listAdministrators(context())).at(-1)?.givenBy).toEqual([giver]);
      await eraseUserData(context(), { userId: giver });
      expect((await listAdministrators(context())).at(-1)?.givenBy).toEqual([]);
    });
  });

  it("100 parallel uses of one: one is let through", async () => {
    const { _id: id } = await requestApproval(context(), request);
    await decideOnApproval(context(), { id, decidedBy: other, approve: true });
    const uses = Array.from({ length: 100 }, () => claimApproval(context(), { ...claim, id }));
    expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1);
  });

  it("are good again when what they were used for was not done, for one who gives them back and one who uses them", async () => {
    const { _id: id, expiresAt } = await requestApproval(context(), request);
    const release = () => releaseApproval(context(), { id });
    expect(await release()).toBe(false);
    await decideOnApproval(context(), { id, decidedBy: other, approve: true });
    expect(await release()).toBe(false);
    expect(await claimApproval(context(), { ...claim, id })).toBe(true);
    expect((await Promise.all(Array.from({ length: 10 }, release))).filter(Boolean)).toHaveLength(1);
    expect(await readApproval(context(), { id })).not.toHaveProperty("usedAt");
    expect(await claimApproval(contextAt(models, expiresAt), { ...claim, id })).toBe(false);
    expect(await claimApproval(context(), { ...claim, id })).toBe(true);
  });

  it("are listed by status and by whom they are about, and withdrawn by who asked", async () => {
    const about = new Types.ObjectId();
    const { _id: id } = await requestApproval(context(), { ...request, subjectId: about });
    expect((await listApprovals(context(), {})).map(({ _id }) => String(_id))).toContain(String(id));
    expect(await decideOnApproval(context(), { id, decidedBy: asking, approve: false })).toBe(true);
    expect(await listApprovals(context(), { userId: about })).toMatchObject([{ status: "denied" }]);
    expect((await listApprovals(context(), {})).map(({ _id }) => String(_id))).not.toContain(String(id));
  });
});
