import type { Attempt, AttemptContext } from "@org/risk-engine";
import type { FreemanLogin } from "@org/risk-engine/freeman";

/** The attacker models of the published evaluation. */
export const attackers = ["naive", "vpn", "targeted", "very targeted"] as const;
export type Attacker = (typeof attackers)[number];

/** Further attackers, each of them one that some rule is for; in the ablation only. */
export const variants = ["relayed", "weekend", "scripted", "neighbour", "other system"] as const;
export type Variant = (typeof variants)[number];

/** How often a user signs in. */
export const frequencies = [
  "daily",
  "every several days",
  "weekly",
  "every several weeks",
  "less than monthly",
] as const;
export type Frequency = (typeof frequencies)[number];

/** A sign-in with everything that any of the models may look at. */
export interface Visit {
  readonly user: number;
  readonly attempt: Attempt;
  readonly context: AttemptContext;
  /** The same, as the reference model sees it. */
  readonly reference: FreemanLogin;
  /** Name of the city, where one is known. */
  readonly city: string;
  /** Set on attacks. */
  readonly attacker?: Attacker | Variant;
}

/** Everything that happened, in order: legitimate sign-ins with attacks among them. */
export interface World {
  readonly visits: readonly Visit[];
  readonly frequencyOf: ReadonlyMap<number, Frequency>;
}

const dayMs = 86_400_000;

/** The frequency that a number of sign-ins within a time comes to. */
export function frequencyFor(logins: number, spanMs: number): Frequency {
  const days = spanMs / dayMs / Math.max(1, logins - 1);
  if (days <= 1.5) return "daily";
  if (days <= 5) return "every several days";
  if (days <= 10) return "weekly";
  return days <= 30 ? "every several weeks" : "less than monthly";
}
