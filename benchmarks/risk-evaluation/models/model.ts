import type { Visit } from "../world.js";

/** A scorer under comparison. Higher is riskier; only the order matters. */
export interface Model {
  readonly name: string;
  score(visit: Visit): number;
  /** Takes up a legitimate sign-in. */
  learn(visit: Visit): void;
}
