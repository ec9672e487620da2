import type { AuditInput, Clock, GeoLocation, Identity } from "@org/db-models";
import type { NetworkFlag, Policy } from "@org/risk-engine";
import type { FastifyRequest } from "fastify";
import { Background } from "./flows/background.js";
import type { Notifier } from "./flows/notice.js";
import { RequestRates } from "./flows/request-rates.js";

/** Where an address is, and whose network it is in. */
export interface Located {
  readonly location: GeoLocation;
  /** Radius within which the place really is, kilometres. */
  readonly accuracyKm?: number;
  /** Number of the network operator. */
  readonly asn?: number;
}

/** Where a request comes from, as far as the deployment can tell. */
export type Locate = (request: FastifyRequest) => Located | undefined;

/** What lists of networks say of an address. */
export interface NetworkKnowledge {
  /** The lists that hold an address, with their age. */
  flagsOf(address: string): NetworkFlag[];
  /** Whether a list that is not stale says that the address hides who uses it, or is an attacker's. */
  isSuspect(address: string | undefined, now: Date): boolean;
}

/** Limits and times of the routes. */
export interface ServiceSettings {
  /** For development over plain http: the cookies have no prefix and are not Secure. */
  readonly insecureCookies: boolean;
  /** Requests per minute and client. */
  readonly rateLimit: number;
  /** Requests to sign in, register, verify or reset, of each kind, per minute and client. */
  readonly signInRateLimit: number;
  /** How long after a sign-in security settings can be changed, milliseconds. */
  readonly recentAuthenticationMs: number;
  /** Erasures that a crash stopped are taken up this often, milliseconds. */
  readonly erasureSweepMs: number;
  /** Time for what is under way when the app closes, milliseconds. */
  readonly shutdownTimeoutMs: number;
}

/** What plugins and routes work with. */
export interface Service {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly settings: ServiceSettings;
  /** How sign-ins and sessions are judged; `undefined` when they are not. */
  readonly riskPolicy: Policy | undefined;
  readonly locate: Locate;
  /** Whether a sign-in comes with a solved challenge, such as a captcha. */
  readonly solvesChallenge: (request: FastifyRequest) => Promise<boolean>;
  readonly notifier: Notifier;
  readonly auditTrail: AuditTrail;
  readonly networkLists: NetworkKnowledge;
  readonly requestRates: RequestRates;
  readonly background: Background;
}

/** Options of every plugin and route module. */
export interface ServiceOptions {
  service: Service;
}

/** Records an event for good before it resolves. */
export type AuditTrail = (event: AuditInput) => Promise<unknown>;

/** What a service is made of; the rest has defaults. */
export type ServiceParts = Omit<Service, "clock" | "requestRates" | "background" | Optional> &
  Partial<Pick<Service, Optional>>;

type Optional = "auditTrail" | "solvesChallenge";

/** Adds to its parts what a service keeps for itself. */
export function createService(parts: ServiceParts): Service {
  const { identity } = parts;
  return {
    auditTrail: identity.audit.append,
    solvesChallenge: async () => false,
    ...parts,
    clock: identity.clock,
    requestRates: new RequestRates(),
    background: new Background(),
  };
}
