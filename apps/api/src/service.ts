import type {
  ApiKeyVerifier,
  GeoLocation,
  IdentityDatabase,
  LoginDefencePolicyInput,
  SessionPolicy,
  UsageRecorder,
} from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { AuditTrail } from "./audit.js";
import type { Config } from "./config.js";

/** Where the time comes from; tests hold it still. */
export interface Clock {
  now(): Date;
}

/** Where a request comes from, as far as the deployment can tell. */
export type Locate = (request: FastifyRequest) => GeoLocation | undefined;

/** What the service runs on. The caller owns the database: it outlives the app. */
export interface AppDeps {
  database: Pick<IdentityDatabase, "connection" | "models">;
  config: Config;
  /** Default: the system's clock. */
  clock?: Clock;
  /** Default: the configured country header, or nothing. */
  locate?: Locate;
  /** Touch interval, rotation grace and retention of sessions. Default: those of @org/db-models. */
  sessionPolicy?: Partial<SessionPolicy>;
  /** How failed sign-ins are counted. Default: that of @org/db-models. */
  loginDefence?: LoginDefencePolicyInput;
  /** Whether a sign-in comes with a solved challenge, such as a captcha. Default: none does. */
  solvesChallenge?: (request: FastifyRequest) => Promise<boolean>;
  /** Where it is recorded who did what. Default: the audit trail of the database. */
  auditTrail?: AuditTrail;
  /** Where log lines go. Default: standard output. */
  logStream?: { write(line: string): void };
}

/** What plugins and routes work with. */
export interface Service extends AppDeps {
  clock: Clock;
  locate: Locate;
  sessionPolicy: Partial<SessionPolicy>;
  auditTrail: AuditTrail;
  loginDefence: LoginDefencePolicyInput;
  apiKeys: ApiKeyVerifier;
  usage: UsageRecorder;
}

/** Options of every plugin and route module. */
export interface ServiceOptions {
  service: Service;
}
