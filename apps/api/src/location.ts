import type { Locate, Located } from "@org/fastify-identity";
import { clientAddressOf, isForwarded } from "@org/fastify-identity/http";
import { ConfigError } from "@org/service-kit";
import { type AsnResponse, type CityResponse, open, type Reader, type Response } from "maxmind";
import { type Config, variableOf } from "./config.js";

type LocationConfig = Pick<Config, "countryHeader" | "cityDatabase" | "asnDatabase">;

/**
 * Tells where requests come from: by the configured databases, and where they don't know, by the country header.
 *
 * @throws ConfigError for a database that can't be read.
 */
export async function locator(config: LocationConfig): Promise<Locate> {
  const city = await openDatabase<CityResponse>(config, "cityDatabase");
  const asn = await openDatabase<AsnResponse>(config, "asnDatabase");
  const byHeader = countryFromHeader(config);
  if (!city && !asn) return byHeader;
  return (request) => {
    const clientAddress = clientAddressOf(request) ?? "";
    const operator = asn?.get(clientAddress)?.autonomous_system_number;
    const found = placeOf(city?.get(clientAddress)) ?? byHeader(request) ?? { location: {} };
    return { ...found, ...(operator !== undefined && { asn: operator }) };
  };
}

async function openDatabase<T extends Response>(
  config: LocationConfig,
  setting: "cityDatabase" | "asnDatabase",
): Promise<Reader<T> | undefined> {
  const path = config[setting];
  if (path === undefined) return undefined;
  try {
    return await open<T>(path);
  } catch (cause) {
    throw new ConfigError(`${variableOf(setting)}: the file can't be read as an MMDB database`, { cause });
  }
}

function placeOf(found: CityResponse | null | undefined): Located | undefined {
  const country = found?.country?.iso_code;
  if (!found || !country) return undefined;
  const { latitude, longitude, accuracy_radius: accuracyKm } = found.location ?? {};
  const region = found.subdivisions?.[0]?.names?.en;
  const city = found.city?.names?.en;
  const place = latitude !== undefined && longitude !== undefined && { latitude, longitude };
  return {
    location: { country, ...(region && { region }), ...(city && { city }), ...place },
    ...(accuracyKm !== undefined && { accuracyKm }),
  };
}

/**
 * Reads the country from the header that the configuration names. It is believed only when a trusted proxy sent the
 * request: then the client's address is not the peer's.
 */
function countryFromHeader(config: Pick<Config, "countryHeader">): Locate {
  const header = config.countryHeader?.toLowerCase();
  if (!header) return () => undefined;
  return (request) => {
    const country = request.headers[header];
    if (!isForwarded(request) || typeof country !== "string" || !/^[A-Z]{2}$/.test(country)) return undefined;
    // ISO 3166-1 leaves XX to its users; proxies send it for "unknown".
    return country === "XX" ? undefined : { location: { country } };
  };
}
