import type { Context } from "../context/context.js";
import { forgetDevices } from "../factors/remembered-devices.js";
import { recordRiskFeedback } from "../risk/feedback.js";
import type { UserSessionDocument } from "../schemas/user-session.js";
import { recordSecurityEvent } from "../security-events/events.js";
import { endSessions } from "../sessions/revoke.js";
import { readLocation } from "../stored/location.js";
import { lateWritesMs } from "./due.js";
import { secureAccount } from "./secure.js";
import type { MadeReport } from "./summary.js";
import { takeOffAdded } from "./take-off.js";

/** Does what a report stands for. Each step may be done again: a crash in between, and the next attempt goes through all. */
export async function carryOut(context: Context, report: MadeReport): Promise<void> {
  const { _id, userId, sessionId } = report;
  await endSessions(context, { _id: sessionId, userId }, "reported");
  // One of them may be the device of that person.
  await forgetDevices(context, { userId });
  await disown(context, report);
  await takeOffAdded(context, report);
  await secureAccount(context, report);
  // For what a request that was under way added meanwhile.
  await takeOffAdded(context, report);
  // Without a network or device: those at hand are of the one who reports.
  const event = { userId, sessionId, kind: "sign_in_reported", severity: "critical" } as const;
  await recordSecurityEvent(context, { ...event, id: _id, reasons: ["reported"] });
  await finish(context, report);
}

/** Later sign-ins from there count against the account's owner, and the device and the country are new again. */
async function disown(context: Context, report: MadeReport): Promise<void> {
  const { models } = context;
  const { _id, userId, sessionId: aboutSessionId, fromSessionId } = report;
  const said = { userId, aboutSessionId, verdict: "not_mine" } as const;
  // A mail is no session: the report stands for it.
  await recordRiskFeedback(context, { ...said, fromSessionId: fromSessionId ?? _id });
  const session = await models.UserSession.collection.findOne<
    Pick<UserSessionDocument, "deviceHash" | "location">
  >({ _id: aboutSessionId, userId }, { projection: { deviceHash: 1, location: 1 } });
  if (!session) return;
  const { deviceHash, location } = session;
  const country = location && readLocation(location).country;
  await models.User.collection.updateOne({ _id: userId }, {
    $pull: {
      "analytics.devices": { deviceHash },
      // Known by this sign-in alone.
      ...(country && { "analytics.countries": { code: country, logins: { $lte: 1 } } }),
    },
  } as Record<string, object>);
}

async function finish({ models, now }: Context, { _id }: MadeReport): Promise<void> {
  await models.SignInReport.collection.updateOne(
    { _id, state: "pending" },
    { $set: { state: "done", sweepAt: new Date(now.getTime() + lateWritesMs) } },
  );
}
