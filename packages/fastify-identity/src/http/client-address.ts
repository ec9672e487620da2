import { canonicalAddress, canonicalClientAddress, isAllowed, networkOf } from "@org/db-models/core";
import type { FastifyRequest, FastifyServerOptions } from "fastify";

/**
 * The client's address in canonical form, without port, brackets or zone; `undefined` where a trusted proxy gives none that
 * can be read. Whatever decides on an address goes by this, never by `request.ip`.
 */
export function clientAddressOf(request: Pick<FastifyRequest, "ip">): string | undefined {
  return canonicalClientAddress(request.ip);
}

/** Which proxies' X-Forwarded-* headers are believed: those of the list, also where they write their port. */
export function trustedProxies(
  trustProxy: readonly string[],
): NonNullable<FastifyServerOptions["trustProxy"]> {
  if (trustProxy.length === 0) return false;
  return (address) => isAllowed(trustProxy, canonicalClientAddress(address));
}

/** Whether a trusted proxy sent the request: then the client's address is not the peer's. */
export function isForwarded(request: FastifyRequest): boolean {
  return clientAddressOf(request) !== canonicalAddress(request.socket.remoteAddress);
}

/** Key of a rate limit: an IPv4 address, the /64 of an IPv6 address, or a proxy that names no client. */
export function rateLimitKey(request: FastifyRequest): string {
  const address = clientAddressOf(request) ?? canonicalAddress(request.socket.remoteAddress) ?? "unknown";
  return address.includes(":") ? (networkOf(address) ?? address) : address;
}
