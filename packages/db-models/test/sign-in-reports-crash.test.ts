import { setTimeout } from "node:timers/promises";
import { bundleChild, childrenAhead, startChild } from "@org/dev-kit/children";
import { faultLoop } from "@org/dev-kit/faults";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import type { Types } from "mongoose";
import { beforeAll, expect, it } from "vitest";
import { createApiKey } from "../src/api-keys/manage.js";
import { duration } from "../src/core/limits.js";
import { hashPassword } from "../src/core/passwords.js";
import { linkExternal, listExternal } from "../src/external/identities.js";
import { readFactors } from "../src/factors/account.js";
import { defineModels, type IdentityModels } from "../src/index.js";
import { listSecurityEvents } from "../src/security-events/events.js";
import { openSession } from "../src/sessions/open.js";
import { listReports, reportSignIn, resumeReports } from "../src/sign-in-reports/report.js";
import { undoReport } from "../src/sign-in-reports/undo.js";
import { contextAt } from "./context.js";
import { createIndexes, makeUser } from "./database.js";
import { after, now } from "./moment.js";
import { withPasskey } from "./passkeys-world.js";

const temporary = useTemporaryDatabase({ label: "reports-crash" });
let models: IdentityModels;
let passwordHash: string;
beforeAll(async () => {
  models = defineModels(temporary.connection);
  await createIndexes(models);
  passwordHash = await hashPassword("the password of before");
});

const kills = faultLoop({ seed: 20_261_201 });
const reporter = await bundleChild(new URL("./children/reporter.ts", import.meta.url));

interface Victim {
  userId: Types.ObjectId;
  sessionId: Types.ObjectId;
  fromSessionId: Types.ObjectId;
}

/** Somebody from whose stolen session a passkey, a linked identity and an API key were added. */
async function makeVictim(): Promise<Victim> {
  const opened = new Date(now.getTime() - duration.hour);
  const user = await makeUser(models, { passwordHash });
  const { userId, session } = await withPasskey(models, user._id, opened);
  const context = contextAt(models, opened);
  const sessionId = session.id;
  const subject = { issuer: "https://accounts.example", subject: String(userId) };
  await linkExternal(context, { userId, sessionId, provider: "example", ...subject });
  await createApiKey(context, { userId, sessionId, name: "added", scopes: ["a:b"] });
  const { id: fromSessionId } = await openSession(context, { userId, proofs: ["password"] });
  return { userId, sessionId, fromSessionId };
}

it(`reports are whole, wherever the process that carries one out is killed: ${kills.planned} kills (seed ${kills.seed})`, async () => {
  const next = childrenAhead(2, kills.planned + 1, () => startChild(reporter, temporary.uri));
  const victims: Victim[] = [];
  let wholeMs = 0;
  let halfDone = 0;
  const kill = async (killsAt?: () => Promise<unknown>) => {
    const victim = await makeVictim();
    victims.push(victim);
    const child = await next();
    child.tell(JSON.stringify(victim));
    await child.hasPrinted("started\n");
    const started = performance.now();
    if (killsAt) await killsAt().then(child.kill);
    else await child.hasPrinted("done\n");
    wholeMs ||= performance.now() - started;
    await child.exited;
    halfDone = await models.SignInReport.countDocuments({ state: "pending" });
  };
  // The first is left alone, to learn in how long a time a kill meets a report on this machine.
  await kill();
  const met = () => halfDone > kills.planned / 5;
  for (const { at } of kills.rounds(met)) await kill(() => setTimeout(at * wholeMs));
  expect(halfDone).toBeGreaterThan(kills.planned / 5);

  while ((await resumeReports(contextAt(models, after(duration.minute)))).reports.length > 0);
  // Of what had not begun nothing is known but to who pressed the button, who presses it again.
  for (const victim of victims) await reportSignIn(contextAt(models, after(duration.minute)), victim);

  for (const { userId } of victims) {
    const reports = await listReports(contextAt(models, now), { userId });
    const taken = { passkeys: ["Passkey"], providers: ["example"], apiKeys: ["added"], password: true };
    expect(reports).toMatchObject([{ state: "done", takenOff: taken }]);
    expect((await readFactors(contextAt(models, now), { userId })).passkeys).toEqual([]);
    expect((await listExternal(contextAt(models, now), { userId })).linked).toEqual([]);
    expect(await models.ApiKey.countDocuments({ userId, revokedAt: null })).toBe(0);
    expect(await models.UserSession.countDocuments({ userId, revokedAt: null })).toBe(0);
    const events = await listSecurityEvents(contextAt(models, now), { userId, kind: "sign_in_reported" });
    expect(events).toHaveLength(1);
    // Nothing that can be given back was lost on the way.
    const [report] = reports;
    const undone = report && (await undoReport(contextAt(models, now), { userId, id: report.id }));
    expect(undone).toMatchObject({ ok: true, report: { restored: 2 } });
  }
});
