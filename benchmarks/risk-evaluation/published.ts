import type { Attacker } from "./world.js";

/**
 * The published evaluation of the reference model on the RBA data set: the median number of re-authentications per
 * user after n sign-ins, read from the figure `rq1-general` that its authors published with the data set.
 */
export const publishedSizes = [2, 5, 10, 20, 30, 39] as const;
export const published: ReadonlyArray<
  readonly [attacker: Attacker, rate: number, medians: readonly (number | null)[]]
> = [
  ["naive", 0.999, [2, 4, 6, 8, 7, 6]],
  ["naive", 0.995, [1, 2, 3, 3, 2, 2]],
  ["naive", 0.99, [null, 1, 2, 2, 2, 1]],
  ["naive", 0.98, [null, 1, 1, 1, 1, 1]],
  ["vpn", 0.999, [2, 4, 7, 9, 9, 8]],
  ["vpn", 0.995, [1, 3, 4, 5, 4, 3]],
  ["vpn", 0.99, [1, 2, 3, 3, 3, 2]],
  ["vpn", 0.98, [1, 2, 2, 2, 2, 2]],
  ["targeted", 0.999, [2, 4, 7, 10, 10, 9]],
  ["targeted", 0.995, [1, 3, 5, 5, 5, 4]],
  ["targeted", 0.99, [1, 2, 3, 4, 3, 3]],
  ["targeted", 0.98, [1, 2, 2, 2, 2, 2]],
  ["very targeted", 0.9425, [2, 5, 10, 20, 30, 39]],
  ["very targeted", 0.8966, [2, 5, 10, 19, 24, 26]],
  ["very targeted", 0.8276, [2, 4, 7, 9, 8, 7]],
  ["very targeted", 0.7816, [1, 1, 2, 2, 1, 1]],
];
