import type {
  AuditInput,
  GeoLocation,
  Identity,
  IdentityDatabase,
  IdentityPoliciesInput,
} from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { Background } from "./background.js";
import type { Config } from "./config.js";
import type { NetworkLists } from "./network-lists.js";
import type { Notifier } from "./notifier.js";
import type { RequestRates } from "./request-rates.js";

/** Where the time comes from; tests hold it still. */
export interface Clock {
  now(): Date;
}

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

/** What the service runs on. The caller owns the database: it outlives the app. */
export interface AppDeps {
  database: Pick<IdentityDatabase, "connection">;
  config: Config;
  /** Default: the system's clock. */
  clock?: Clock;
  /** Default: the configured databases of places, or the country header, or nothing. */
  locate?: Locate;
  /** How sessions, tokens, failed sign-ins and retention are dealt with. Default: the policies of @org/db-models. */
  policies?: IdentityPoliciesInput;
  /** Whether a sign-in comes with a solved challenge, such as a captcha. Default: none does. */
  solvesChallenge?: (request: FastifyRequest) => Promise<boolean>;
  /** How people are sent codes and tokens, and told of new devices and passwords. Default: as configured. */
  notifier?: Notifier;
  /** Where it is recorded who did what. Default: the audit trail of the database. */
  auditTrail?: AuditTrail;
  /** Where log lines go. Default: standard output. */
  logStream?: { write(line: string): void };
}

/** What plugins and routes work with. */
export interface Service extends AppDeps {
  clock: Clock;
  locate: Locate;
  identity: Identity;
  auditTrail: AuditTrail;
  notifier: Notifier;
  networkLists: NetworkLists;
  requestRates: RequestRates;
  background: Background;
}

/** Options of every plugin and route module. */
export interface ServiceOptions {
  service: Service;
}

/** Records an event for good before it resolves. */
type AuditTrail = (event: AuditInput) => Promise<unknown>;
