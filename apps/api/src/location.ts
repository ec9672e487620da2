import type { Config } from "./config.js";
import type { Locate } from "./service.js";

/**
 * Reads the country from the header that the configuration names. It is believed only when a trusted proxy sent the
 * request: then the client's address is not the peer's.
 */
export function countryFromHeader(config: Pick<Config, "countryHeader">): Locate {
  const header = config.countryHeader?.toLowerCase();
  if (!header) return () => undefined;
  return (request) => {
    const country = request.headers[header];
    const forwarded = request.ip !== request.socket.remoteAddress;
    if (!forwarded || typeof country !== "string" || !/^[A-Z]{2}$/.test(country)) return undefined;
    // ISO 3166-1 leaves XX to its users; proxies send it for "unknown".
    return country === "XX" ? undefined : { country };
  };
}
