import type { OpenedSession, PublicUser, SecurityEventInput } from "@org/db-models";
import type { Notice } from "./notifier.js";
import type { Origin } from "./origin.js";

type SignInEvent = Omit<SecurityEventInput, "userId">;

/** What the owner of an account should hear of a sign-in. */
export function eventsOf(user: PublicUser, opened: OpenedSession): SignInEvent[] {
  const { alerts } = user.security;
  const sessionId = opened.id;
  const hasSignedInBefore = user.analytics.logins > 0;
  return [
    ...(alerts.newDevice && opened.newDevice && hasSignedInBefore
      ? [{ kind: "new_device", severity: "warning", sessionId } as const]
      : []),
    ...(alerts.newLocation && opened.newLocation
      ? [{ kind: "new_location", severity: "warning", sessionId } as const]
      : []),
    ...opened.evicted.map(
      ({ id }) => ({ kind: "session_evicted", severity: "info", sessionId: id }) as const,
    ),
  ];
}

/** The notices that are sent for the events of a sign-in. */
export function alertsOf(user: PublicUser, events: readonly SignInEvent[], origin: Origin): Notice[] {
  return events.flatMap(({ kind }) => {
    if (kind !== "new_device" && kind !== "new_location") return [];
    const where = kind === "new_device" ? "a new device" : "a new country";
    const text = `Your account was signed in to from ${where}: ${described(origin)}. If it was not you, change your password and end the session.`;
    return [{ kind, to: user.email, subject: `Sign-in from ${where}`, text, facts: factsOf(origin) }];
  });
}

/** The mail with a one-time code. */
export function signInCode(user: PublicUser, code: string, origin: Origin): Notice {
  const text = `Your code is ${code}. It is good for ten minutes. The sign-in comes from ${described(origin)}. If it is not you, somebody knows your password: change it, and tell nobody the code.`;
  const facts = { ...factsOf(origin), code };
  return { kind: "sign_in_code", to: user.email, subject: "Your sign-in code", text, facts };
}

function described({ device, country }: Origin): string {
  return [device, country].filter(Boolean).join(", ") || "an unknown device";
}

function factsOf({ device, country, network }: Origin): Record<string, string> {
  return { ...(device && { device }), ...(country && { country }), ...(network && { network }) };
}
