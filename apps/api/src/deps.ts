import type { Clock, IdentityDatabase, IdentityPoliciesInput } from "@org/db-models";
import type { AuditTrail, IdentityHooks, Locate, PageOptions } from "@org/fastify-identity";
import type { FastifyRequest } from "fastify";
import type { Config } from "./config.js";
import type { Metrics } from "./metrics.js";
import type { ClosableNotifier } from "./notifier.js";

/** Dependencies of the service. The caller owns the database: it outlives the app. */
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
  notifier?: ClosableNotifier;
  /** Functions around sign-ins. Default: none. */
  hooks?: IdentityHooks;
  /** Where it is recorded who did what. Default: the audit trail of the database. */
  auditTrail?: AuditTrail;
  /** Counts requests and what people do. Default: nothing is counted. */
  metrics?: Metrics;
  /** The pages for people; false leaves them out. Default: all, in English. */
  pages?: false | PageOptions;
  /** Where log lines go. Default: standard output. */
  logStream?: { write(line: string): void };
}
