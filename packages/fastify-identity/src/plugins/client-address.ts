import { canonicalAddress, canonicalClientAddress, isAllowed, networkOf } from "@org/db-models/core";
import type { FastifyRequest, FastifyServerOptions } from "fastify";
import { fastifyPlugin } from "fastify-plugin";

declare module "fastify" {
  interface FastifyRequest {
    /**
     * The client's address in canonical form, without port, brackets or zone; `undefined` where a trusted proxy gives none
     * that can be read. Whatever decides on an address goes by this, never by `ip`.
     */
    readonly clientAddress: string | undefined;
  }
}

/** The one place where the address of a client is read. */
export const clientAddress = fastifyPlugin(
  (app, _options, done) => {
    app.decorateRequest("clientAddress", {
      getter(this: FastifyRequest) {
        return canonicalClientAddress(this.ip);
      },
    });
    done();
  },
  { name: "client-address" },
);

/** Which proxies' X-Forwarded-* headers are believed: the configured ones, also where they write their port. */
export function trustedProxies(
  trustProxy: readonly string[],
): NonNullable<FastifyServerOptions["trustProxy"]> {
  if (trustProxy.length === 0) return false;
  return (address) => isAllowed(trustProxy, canonicalClientAddress(address));
}

/** Whether a trusted proxy sent the request: then the client's address is not the peer's. */
export function isForwarded(request: FastifyRequest): boolean {
  return request.clientAddress !== canonicalAddress(request.socket.remoteAddress);
}

/** Who shares a rate limit: an IPv4 address, the /64 of an IPv6 address, or the proxy that names no client. */
export function rateLimitKey(request: FastifyRequest): string {
  const address = request.clientAddress ?? canonicalAddress(request.socket.remoteAddress) ?? "unknown";
  return address.includes(":") ? (networkOf(address) ?? address) : address;
}
