// Notes of a sign-in once its session is open, and the alerts to its owner.
import type { OpenedSession, PublicUser } from "@org/db-models";
import { equalHashes } from "@org/db-models/core";
import type { FlowContext } from "../context.js";
import { notifyLater } from "../notices/notify-later.js";
import { type Origin, originOf } from "../origin.js";
import type { Requester } from "../requester.js";
import { alertsOf, eventsOf } from "./alerts.js";

/**
 * Notes it where the next sign-in, the account's counts and its owner see it. Fails never: the session is open and its token
 * not yet delivered, so that failing now would cost the user a slot and gain nothing.
 */
export async function noteSignIn(
  context: FlowContext,
  user: PublicUser,
  opened: OpenedSession,
  requester: Requester,
): Promise<void> {
  const origin = originOf(requester);
  const login = {
    userId: user._id,
    deviceHash: opened.deviceHash,
    deviceLabel: origin.device ?? "",
    ...(origin.country && { country: origin.country }),
  };
  const events = eventsOf(user, opened);
  const failed = (err: unknown) => requester.log.error({ err }, "a sign-in was not fully noted");
  const recordLogin = () => context.identity.logins.record(login);
  // A new device or country must be known to the next sign-in; for dates and counts nobody waits.
  const addsNothing = knowsAlready(user, login);
  if (addsNothing) context.background.run(recordLogin, failed);
  const notes = await Promise.allSettled([
    ...(addsNothing ? [] : [recordLogin()]),
    ...events.map((event) =>
      context.identity.securityEvents.record({ ...event, userId: user._id, ...origin }),
    ),
  ]);
  // Nobody waits for a score.
  requester.defer(() => context.identity.users.updateAnalytics({ userId: user._id }));
  await alert(context, user, { events, opened, origin }, requester);
  for (const result of notes) if (result.status === "rejected") failed(result.reason);
}

/** True when the account has had a sign-in from this device and this country. */
function knowsAlready(
  { analytics }: PublicUser,
  { deviceHash, country }: { readonly deviceHash: Buffer; readonly country?: string },
): boolean {
  const knowsDevice = analytics.devices.some((device) => equalHashes(device.deviceHash, deviceHash));
  return knowsDevice && (!country || analytics.countries.some(({ code }) => code === country.toUpperCase()));
}

async function alert(
  context: FlowContext,
  user: PublicUser,
  { events, opened, origin }: { events: ReturnType<typeof eventsOf>; opened: OpenedSession; origin: Origin },
  requester: Requester,
): Promise<void> {
  if (alertsOf(user, events, origin, undefined).length === 0) return;
  const about = { userId: user._id, sessionId: opened.id };
  const button = await context.identity.signInReports.offer(about).catch((err: unknown) => {
    requester.log.error({ err }, "a mail about a sign-in got no button");
    return undefined;
  });
  for (const notice of alertsOf(user, events, origin, button)) notifyLater(context, requester, notice);
}
