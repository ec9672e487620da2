import type { Place } from "./signals.js";

/** A place with the radius, in km, within which it really is. */
export interface ExactPlace extends Place {
  readonly accuracyKm: number;
}

const earthRadiusKm = 6_371;
const radians = Math.PI / 180;

/**
 * The least distance between two places, in km: on the great circle (haversine), less the radius within which each
 * place really is.
 */
export function distanceKm(a: ExactPlace, b: ExactPlace): number {
  const latitude = Math.sin(((b.latitude - a.latitude) * radians) / 2) ** 2;
  const longitude = Math.sin(((b.longitude - a.longitude) * radians) / 2) ** 2;
  const chord = latitude + Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * longitude;
  const distance = 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(chord)));
  return Math.max(0, distance - a.accuracyKm - b.accuracyKm);
}

/** Speed between two places in km/h, whichever was first. Less than a minute counts as one. */
export function speedKmPerHour(distance: number, betweenMs: number): number {
  return distance / Math.max(1 / 60, Math.abs(betweenMs) / 3_600_000);
}
