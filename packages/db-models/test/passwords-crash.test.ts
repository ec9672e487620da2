import { bundleChild, childrenAhead, startChild, type WaitingChild } from "@org/dev-kit/children";
import { faultSample } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, describe, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { hashPassword, verifyPassword } from "../src/core/passwords.js";
import { defineModels, type IdentityModels, type UserDocument } from "../src/index.js";
import { validateSession } from "../src/sessions/check/validate.js";
import { openSession } from "../src/sessions/open.js";
import { requestPasswordReset, resetPassword } from "../src/users/password-reset.js";
import type { PasswordAssignment } from "./children/password-changer.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser } from "./database.js";
import { now } from "./moment.js";
import { verifyApiKey } from "./recorders.js";

const temporary = useTemporaryDatabase({ label: "passwords-crash" });
const [before, chosen] = ["the password of before", "the password of after"];
let models: IdentityModels;
let passwordHash: string;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
  passwordHash = await hashPassword(before);
});

const changer = await bundleChild(new URL("./children/password-changer.ts", import.meta.url), {
  whole: true,
});
const start = () => startChild(changer, temporary.uri);
/** More than either change sends. */
const maxCommands = 12;
const moments = faultSample(
  (["commandStarted", "commandSucceeded"] as const).flatMap((when) =>
    Array.from({ length: maxCommands }, (_, index) => ({ when, killedAt: index + 1 })),
  ),
  12,
  20_961_128,
);

/** The account as it is in one moment. */
async function look({ _id }: UserDocument): Promise<{ isNew: boolean; isSpent: boolean }> {
  const user = (await models.User.collection.findOne({ _id })) as unknown as UserDocument;
  const [isOld, isNew] = await Promise.all(
    [before, chosen].map((password) => verifyPassword(user.passwordHash, password)),
  );
  expect(isOld).toBe(!isNew);
  return { isNew: isNew ?? false, isSpent: user.passwordReset?.usedAt !== undefined };
}

async function openThree({ _id: userId }: UserDocument): Promise<[string, string, string]> {
  const open = async () => (await openSession(contextAt(models, now), { userId })).token;
  return [await open(), await open(), await open()];
}

const isActive = async (token: string) => (await validateSession(contextAt(models, now), token)).ok;

/** Kills one child at each moment of its change. None ends before its last command, and the kills come before that. */
async function killAtEachMoment(
  prepare: () => Promise<Omit<PasswordAssignment, "killedAt" | "when">>,
  check: (child: WaitingChild) => Promise<void>,
): Promise<void> {
  const next = childrenAhead(3, moments.length, start);
  const finished: number[] = [];
  const killed: number[] = [];
  for (const moment of moments) {
    const assignment = await prepare();
    const child = await next();
    child.tell(JSON.stringify({ ...assignment, ...moment }));
    await child.exited;
    (child.printed().includes("done\n") ? finished : killed).push(moment.killedAt);
    await check(child);
  }
  expect(Math.min(...finished)).toBeGreaterThan(Math.max(...killed));
  expect(Math.min(...finished)).toBeLessThanOrEqual(maxCommands);
}

const told = moments.map(({ when, killedAt }) => `${when} ${killedAt}`).join(", ");

describe(`a change that is killed at its commands (${told})`, () => {
  it("of a reset leaves the old password and a good token, or the new one, a spent token and no session", async () => {
    let user: UserDocument;
    let token = "";
    let sessions: string[] = [];
    let key = "";
    const outcomes = new Set<string>();
    await killAtEachMoment(
      async () => {
        user = await makeUser(models, { passwordHash });
        sessions = await openThree(user);
        // Nobody has verified the address: what was made before ends with the reset.
        ({ key } = await createApiKey(contextAt(models, now), {
          userId: user._id,
          name: "before",
          scopes: [],
        }));
        const asked = await requestPasswordReset(contextAt(models, now), { email: user.email });
        if (!asked.ok) throw new Error(asked.reason);
        token = asked.token;
        return { resetToken: token, password: chosen };
      },
      async () => {
        const { isNew, isSpent } = await look(user);
        expect(isSpent).toBe(isNew);
        if (isNew) for (const session of sessions) expect(await isActive(session)).toBe(false);
        outcomes.add(isNew ? "new" : "old");
        const again = await resetPassword(contextAt(models, now), { token, password: chosen });
        // A write that was under way when the process died may have arrived since.
        if (!again.ok) expect([again.reason, (await look(user)).isNew]).toEqual(["used", true]);
        for (const session of sessions) expect(await isActive(session)).toBe(false);
        expect(await verifyApiKey(models, { key }, now)).toMatchObject({ ok: false });
      },
    );
    expect([...outcomes].sort()).toEqual(["new", "old"]);
  });

  it("of a reset is completed by the next use of the token: what a login opened beside it ends", async () => {
    const user = await makeUser(models, { passwordHash });
    const { _id: userId } = user;
    const asked = await requestPasswordReset(contextAt(models, now), { email: user.email });
    if (!asked.ok) throw new Error(asked.reason);
    const child = start();
    await child.hasPrinted("ready\n");
    // Right after the change, the third command.
    const moment = { killedAt: 3, when: "commandSucceeded" } as const;
    child.tell(JSON.stringify({ resetToken: asked.token, password: chosen, ...moment }));
    await child.exited;
    expect(await look(user)).toEqual({ isNew: true, isSpent: true });
    const [raced, later] = [
      await openSession(contextAt(models, now), { userId }),
      await openSession(contextAt(models, now), { userId }),
    ];
    // As a login has it that was answered between the first end of the sessions and the change.
    await models.UserSession.updateOne({ _id: raced.id }, { userGeneration: 0 });
    expect(
      await resetPassword(contextAt(models, now), { token: asked.token, password: before }),
    ).toMatchObject({
      reason: "used",
    });
    expect([await isActive(raced.token), await isActive(later.token)]).toEqual([false, true]);
    expect(await look(user)).toMatchObject({ isNew: true });
  });

  it("of a change leaves no session with a token from before it, once the new password holds", async () => {
    let user: UserDocument;
    let sessions: string[] = [];
    const outcomes = new Set<string>();
    await killAtEachMoment(
      async () => {
        user = await makeUser(models, { passwordHash });
        sessions = await openThree(user);
        return { userId: user._id.toHexString(), keepToken: sessions[0] as string, password: chosen };
      },
      async () => {
        const { isNew } = await look(user);
        outcomes.add(isNew ? "new" : "old");
        if (isNew) for (const session of sessions) expect(await isActive(session)).toBe(false);
      },
    );
    expect([...outcomes].sort()).toEqual(["new", "old"]);
  });
});
