import type { GeoLocation } from "../schemas/user-session.js";

/**
 * A location as a session has it, such as `NO;;Oslo;59.91;10.75`: country, region, city, latitude and longitude, each
 * empty when it is not known. As a document of its own it would take twice the bytes, and nothing searches by it.
 */
export function writeLocation({ country, region, city, latitude, longitude }: GeoLocation): string {
  const parts = [country?.toUpperCase(), region, city, latitude, longitude];
  return parts.map((part = "") => String(part).replace(/[%;]/g, encodeURIComponent)).join(";");
}

/** Reads what {@link writeLocation} wrote. */
export function readLocation(text: string): GeoLocation {
  const [country, region, city, latitude, longitude] = text.split(";").map((part) => decode(part));
  return {
    ...(country && { country }),
    ...(region && { region }),
    ...(city && { city }),
    ...(latitude && { latitude: Number(latitude) }),
    ...(longitude && { longitude: Number(longitude) }),
  };
}

function decode(part: string): string {
  return part.replace(/%3B|%25/g, decodeURIComponent);
}
