import { setTimeout } from "node:timers/promises";
import {
  type Identity,
  type OpenIdentityOptions,
  openIdentity,
  type SessionCacheMetrics,
} from "../src/index.js";

/** An instance that answers checks from memory; it lets its commands be counted. */
export function openCached(uri: string, options: OpenIdentityOptions = {}): Promise<Identity> {
  return openIdentity(uri, {
    database: { monitorCommands: true },
    sessionCache: {},
    ...options,
  });
}

export function metricsOf(identity: Identity): SessionCacheMetrics {
  const metrics = identity.sessionCacheMetrics();
  if (!metrics) throw new TypeError("unreachable: the instance has a cache");
  return metrics;
}

/** Waits for something that comes by itself. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(5);
}

/** Waits until heartbeats prove what memory says; it checks, as nobody else keeps them going. */
export function untilTrusted(identity: Identity): Promise<void> {
  return until(async () => {
    await identity.sessions.validate("ids_");
    return metricsOf(identity).trusted;
  });
}

/** Checks until the answer comes from memory. */
export function untilRemembered(identity: Identity, token: string): Promise<void> {
  return until(async () => {
    const { hits } = metricsOf(identity);
    await identity.sessions.validate(token);
    return metricsOf(identity).hits > hits;
  });
}

/** Waits until the stream has brought all that was written before. */
export async function untilCaughtUp(identity: Identity): Promise<void> {
  const { echoes } = metricsOf(identity);
  await until(async () => {
    await identity.sessions.validate("ids_");
    return metricsOf(identity).echoes > echoes + 1;
  });
}
