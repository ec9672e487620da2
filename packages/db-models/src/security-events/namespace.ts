import { operationsOf, type Shared } from "../context/context.js";
import type { SecurityEventDocument } from "../schemas/security-event.js";
import {
  type DatabaseExposure,
  listSecurityEvents,
  recordSecurityEvent,
  type SecurityEventInput,
  type SecurityEventSearch,
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
  /**
   * Security events, the newest first: of a user, of a kind, of both, of a severity, or all.
   *
   * @throws IdentityError `INVALID_INPUT` for a severity together with a user or a kind.
   */
  list(search: SecurityEventSearch): Promise<SecurityEventDocument[]>;
  /**
   * Security events as they are recorded, each at least once: after a restart from a position that no change stream gave,
   * events of the overlap before the last hundred may come again. The next event is read when the loop asks for it, so a slow subscriber holds up nobody.
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
