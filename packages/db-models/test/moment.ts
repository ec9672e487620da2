/**
 * The moment that tests and their children are at. Far ahead of the server's clock, whose TTL monitor would otherwise
 * take documents of a frozen past away.
 */
export const now = new Date("2096-06-01T12:00:00.000Z");

/** So many milliseconds later. */
export const after = (ms: number) => new Date(now.getTime() + ms);
