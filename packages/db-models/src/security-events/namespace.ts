import type { Types } from "mongoose";
import { operationsOf, type Shared } from "../context/context.js";
import type { Page } from "../queries/queries.js";
import type { SecurityEventDocument, SecurityEventKind } from "../schemas/security-event.js";
import {
  type DatabaseExposure,
  listSecurityEvents,
  recordSecurityEvent,
  type SecurityEventInput,
} from "./events.js";
import {
  type SecurityEventSubscription,
  type SubscribedSecurityEvent,
  subscribeSecurityEvents,
} from "./subscribe.js";

/** Security events: what an app tells a person or an administrator. */
export interface SecurityEvents {
  /** Records an event that the app delivers to a person or an administrator. */
  record(input: SecurityEventInput | DatabaseExposure): Promise<SecurityEventDocument>;
  /** A user's security events, the newest first, of one kind when one is given. */
  list(input: {
    userId: Types.ObjectId;
    kind?: SecurityEventKind;
    page?: Page;
  }): Promise<SecurityEventDocument[]>;
  /**
   * Security events as they are recorded, each at least once: after a restart from a position, the events of the overlap
   * before it may come again. The next event is read when the loop asks for it, so a slow subscriber holds up nobody.
   * Waits without a bound while there is nothing new; ends without an error when the signal says so.
   *
   * @throws IdentityError `INVALID_INPUT` for a position that is none.
   *
   * @example
   * for await (const { event, position } of identity.securityEvents.subscribe({ from: new Date(), minSeverity: "warning" })) {
   *   await deliver(event);
   *   await remember(position);
   * }
   */
  subscribe(input: SecurityEventSubscription): AsyncGenerator<SubscribedSecurityEvent, void, void>;
}

export function securityEventsOf(identity: Shared): SecurityEvents {
  const on = operationsOf(identity);
  return {
    record: on(recordSecurityEvent),
    list: on(listSecurityEvents),
    subscribe: on(subscribeSecurityEvents),
  };
}
