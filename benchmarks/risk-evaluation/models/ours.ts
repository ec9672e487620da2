import {
  assess,
  emptyProfile,
  learn,
  MemoryPopulation,
  type Policy,
  type Profile,
  presets,
} from "@org/risk-engine";
import type { Visit } from "../world.js";
import type { Model } from "./model.js";

/** This package, its profiles and population learnt sign-in by sign-in. */
export class OurModel implements Model {
  readonly name: string;
  readonly #policy: Policy;
  readonly #profiles = new Map<number, Profile>();
  readonly #population = new MemoryPopulation();

  constructor(name = "ours", policy: Policy = presets.balanced) {
    this.name = name;
    this.#policy = policy;
  }

  /** The whole judgement of a visit. */
  assess({ user, attempt, context }: Visit) {
    const profile = this.#profiles.get(user);
    return assess({ profile, population: this.#population, attempt, context, policy: this.#policy });
  }

  score(visit: Visit): number {
    return this.assess(visit).score ?? 100;
  }

  learn({ user, attempt }: Visit): void {
    const before = this.#profiles.get(user);
    this.#profiles.set(
      user,
      // A challenge that was passed confirms it.
      learn({ profile: before ?? emptyProfile(), attempt, confirmed: true, policy: this.#policy }),
    );
    this.#population.record(attempt, { newUser: before === undefined });
  }
}
