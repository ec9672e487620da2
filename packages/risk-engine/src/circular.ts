import type { Circle } from "./profile.js";

/**
 * How concentrated directions are, from the length of their mean (0: anywhere, 1: all the same): the parameter κ of the
 * von Mises distribution, at most 20.
 *
 * Source: Fisher, "Statistical Analysis of Circular Data", 1993, section 4.5.5.
 */
export function concentrationOf(meanLength: number): number {
  const r = meanLength;
  const cube = r * r * r;
  if (r < 0.53) return 2 * r + cube + (5 * cube * r * r) / 6;
  if (r < 0.85) return -0.4 + 1.39 * r + 0.43 / (1 - r);
  return Math.min(20, 1 / (cube - 4 * r * r + 3 * r));
}

/** Logarithm of the modified Bessel function I₀, by the polynomials 9.8.1 and 9.8.2 of Abramowitz and Stegun. */
export function logBesselI0(x: number): number {
  if (x < 3.75) {
    const t = (x * x) / 14.0625;
    const series = 3.0899424 + t * (1.2067492 + t * (0.2659732 + t * (0.0360768 + t * 0.0045813)));
    return Math.log(1 + t * (3.5156229 + t * series));
  }
  const t = 3.75 / x;
  const tail = -0.02057706 + t * (0.02635537 + t * (-0.01647633 + t * 0.00392377));
  const series = 0.01328592 + t * (0.00225319 + t * (-0.00157565 + t * (0.00916281 + t * tail)));
  return x - Math.log(x) / 2 + Math.log(0.39894228 + t * series);
}

/**
 * How surprising a direction is: the logarithm of the uniform density over the density of the directions seen (von
 * Mises, mixed with a share of surprises that go anywhere).
 *
 * One direction more, of which nothing is known, is added to those seen, so that few do not look concentrated.
 *
 * @returns at most −ln(surprise).
 */
export function surpriseOf(seen: Circle, angle: number, surprise: number): number {
  const length = Math.sqrt(seen.cos * seen.cos + seen.sin * seen.sin);
  if (length === 0) return 0;
  const kappa = concentrationOf(Math.min(1, length / (seen.total + 1)));
  // Cosine of the angle between the mean direction and this one.
  const offset = (seen.cos * Math.cos(angle) + seen.sin * Math.sin(angle)) / length;
  const density = Math.exp(kappa * offset - logBesselI0(kappa));
  return -Math.log((1 - surprise) * density + surprise);
}

/** Part of the day as an angle; UTC. */
export function angleOf(at: number): number {
  return ((at % dayMs) / dayMs) * 2 * Math.PI;
}

export const dayMs = 86_400_000;
