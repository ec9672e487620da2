import type { AuditInput, Clock, Identity } from "@org/db-models";
import type { NetworkFlag, Policy } from "@org/risk-engine";
import type { IdentityHooks } from "./hooks.js";
import type { Background } from "./notices/background.js";
import type { Notifier } from "./notices/notice.js";
import type { IdentityProvider } from "./sign-in/providers.js";
import type { RequestRates } from "./sign-in/request-rates.js";

/** Facts from network lists about an address. */
export interface NetworkKnowledge {
  /** The lists that hold an address, with their age. */
  flagsOf(address: string): NetworkFlag[];
  /** Whether a list that is not stale says that the address hides who uses it, or is an attacker's. */
  isSuspect(address: string | undefined, now: Date): boolean;
}

/** Records an event for good before it resolves. */
export type AuditTrail = (event: AuditInput) => Promise<unknown>;

/**
 * Who must have a second factor: who has enrolled one (`enrolled`), everybody (`always`), or besides who has enrolled one
 * the users with one of these roles.
 */
export type SecondFactorRule = "enrolled" | "always" | { readonly roles: readonly string[] };

/** The context of flows. */
export interface FlowContext {
  readonly identity: Identity;
  readonly clock: Clock;
  /** How sign-ins and sessions are judged; `undefined` when they are not. */
  readonly riskPolicy: Policy | undefined;
  readonly secondFactor: SecondFactorRule;
  readonly providers: readonly IdentityProvider[];
  readonly notifier: Notifier;
  readonly auditTrail: AuditTrail;
  readonly networks: NetworkKnowledge;
  readonly hooks: IdentityHooks;
  /** Time for the notifier, milliseconds. */
  readonly noticeTimeoutMs: number;
  /** Time for a function of the application's, milliseconds. */
  readonly hookTimeoutMs: number;
  /** How long after a sign-in security settings can be changed, milliseconds. */
  readonly recentAuthenticationMs: number;
  readonly requestRates: RequestRates;
  readonly background: Background;
}
