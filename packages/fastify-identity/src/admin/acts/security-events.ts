import type { SecurityEventDocument, SecurityEventKind, Severity } from "@org/db-models";
import { writePagePosition } from "@org/db-models/queries";
import type { Types } from "mongoose";
import { type Acting, noteRead } from "../acting.js";
import { accountsOf } from "./administrators.js";

/** Which security events an administrator sees: at most one of a kind and a severity. */
export interface EventFilter {
  readonly kind?: SecurityEventKind | undefined;
  readonly severity?: Severity | undefined;
}

/** A security event, and whose it is; without an address where it is nobody's, or the account is gone. */
export type KnownEvent = SecurityEventDocument & { readonly email: string | undefined };

type Search = NonNullable<Parameters<Acting["service"]["identity"]["securityEvents"]["list"]>[0]>;

/** Security events, the newest first. */
export async function listEvents(
  acting: Acting,
  {
    page,
    ...search
  }: EventFilter & {
    readonly userId?: Types.ObjectId | undefined;
    readonly page: NonNullable<Search["page"]> & { limit: number };
  },
): Promise<{ readonly events: readonly KnownEvent[]; readonly next: string | undefined }> {
  const events = await acting.service.identity.securityEvents.list({ ...search, page });
  const { userId } = search;
  const details = { found: String(events.length) };
  await noteRead(acting, {
    action: "admin.security_events_listed",
    details,
    ...(userId && { subjectId: userId }),
  });
  const last = events.length === page.limit ? events.at(-1) : undefined;
  return {
    events: await withAddresses(acting, events),
    next: last && writePagePosition({ at: last.at, id: last._id }),
  };
}

async function withAddresses(acting: Acting, events: readonly SecurityEventDocument[]) {
  const ids = events.flatMap(({ userId }) => (userId ? [userId] : []));
  const accounts = ids.length > 0 ? await accountsOf(acting, ids) : new Map();
  return events.map(
    (event): KnownEvent => ({
      ...event,
      email: event.userId && accounts.get(event.userId.toHexString())?.email,
    }),
  );
}

/** A security event that is followed, and where a later subscription goes on after it. */
export interface FollowedEvent {
  readonly event: KnownEvent;
  readonly position: string;
}

/**
 * Follows security events as they are recorded.
 *
 * @param from - the position of the last event that was handled, or a moment.
 * @throws IdentityError `INVALID_INPUT` for a position that is none.
 */
export function followEvents(
  acting: Acting,
  { kind, severity }: EventFilter,
  { from, signal }: { readonly from: Date | string; readonly signal: AbortSignal },
): AsyncGenerator<FollowedEvent, void, void> {
  const kinds = kind && { kinds: [kind] };
  const minSeverity = severity && { minSeverity: severity };
  const events = acting.service.identity.securityEvents.subscribe({ from, signal, ...kinds, ...minSeverity });
  return known(acting, events, severity);
}

type Subscription = ReturnType<Acting["service"]["identity"]["securityEvents"]["subscribe"]>;

async function* known(
  acting: Acting,
  events: Subscription,
  severity: Severity | undefined,
): AsyncGenerator<FollowedEvent, void, void> {
  for await (const { event, position } of events) {
    if (severity && event.severity !== severity) continue;
    const [one] = await withAddresses(acting, [event]);
    if (one) yield { event: one, position };
  }
}
