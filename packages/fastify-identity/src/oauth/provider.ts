import type { AuthenticatedClient } from "@org/db-models";
import type { FastifyBaseLogger } from "fastify";
import { isLoopback } from "../options.js";
import type { Site } from "../pages/site.js";
import type { Service } from "../service.js";
import { ClientQuota, MemoryCounter } from "./client-quota.js";
import type { OAuthSettings } from "./options.js";
import { KeyRing } from "./tokens/key-ring.js";

/** Paths of the endpoints, below the prefix. */
export const endpoints = {
  authorize: "/authorize",
  token: "/token",
  userInfo: "/userinfo",
  keys: "/jwks",
  introspect: "/introspect",
  revoke: "/revoke",
  push: "/par",
  device: "/device_authorization",
  logout: "/logout",
} as const;
type Endpoint = keyof typeof endpoints;

/** The OAuth 2.1 and OpenID Connect provider of one plugin: what is the same for every request. */
export interface Provider {
  readonly service: Service;
  readonly site: Site;
  readonly settings: OAuthSettings;
  /** `iss`: what clients know us by. */
  readonly issuer: string;
  readonly audience: string;
  readonly keys: KeyRing;
  readonly quota: ClientQuota;
  /** Whether this is for development, on a loopback host. */
  readonly local: boolean;
  readonly log: FastifyBaseLogger;
  /** Absolute address of an endpoint. */
  url(endpoint: Endpoint): string;
}

/** @param prefix - path before the endpoints, that of the surrounding app included. */
export function providerOf(
  site: Site,
  settings: OAuthSettings,
  { prefix, log }: { prefix: string; log: FastifyBaseLogger },
): Provider {
  const { service } = site;
  const issuer = settings.issuer ?? service.settings.issuer;
  return {
    service,
    site,
    settings,
    issuer,
    audience: settings.audience ?? issuer,
    local: isLoopback(service.settings.issuer),
    log,
    quota: new ClientQuota(
      service.settings.rateLimit.store === "database"
        ? service.identity.requestLimits
        : new MemoryCounter(service.clock),
      settings.tokenRequests,
    ),
    keys: new KeyRing(service.identity, settings.algorithms),
    url: (endpoint) => `${service.settings.issuer}${prefix}${endpoints[endpoint]}`,
  };
}

/** Whether the provider has the algorithm that an app's id_tokens are signed by; it may have been given others since. */
export function canSignFor(
  { settings }: Pick<Provider, "settings">,
  { idTokenAlgorithm }: Pick<AuthenticatedClient, "idTokenAlgorithm">,
): boolean {
  return idTokenAlgorithm === undefined || settings.algorithms.includes(idTokenAlgorithm);
}

export const cannotSign = "the algorithm of the app's id_tokens is none of this provider's";

/** Seconds since 1970, as JWTs have them. */
export const seconds = (moment: Date): number => Math.floor(moment.getTime() / 1_000);
