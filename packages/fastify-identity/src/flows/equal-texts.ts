import { timingSafeEqual } from "node:crypto";

/** Compares what a request brings with what it must be, in a time that does not depend on where they differ. */
export function equalTexts(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
