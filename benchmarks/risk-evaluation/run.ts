import type { Model } from "./models/model.js";
import type { Attacker, Variant, World } from "./world.js";

/** Scores of one model over a generated world. */
export interface Scores {
  readonly model: string;
  /** Scores of each user's legitimate sign-ins from the second on, in order. */
  readonly legitimate: ReadonlyMap<number, readonly number[]>;
  readonly attacks: ReadonlyMap<Attacker | Variant, readonly number[]>;
}

/** Lets a model score every visit in order, and learn the legitimate ones. The first of a user is never scored. */
export function run(model: Model, { visits }: World): Scores {
  const legitimate = new Map<number, number[]>();
  const attacks = new Map<Attacker | Variant, number[]>();
  for (const visit of visits) {
    if (visit.attacker) {
      const scores = attacks.get(visit.attacker) ?? [];
      attacks.set(visit.attacker, scores);
      scores.push(model.score(visit));
      continue;
    }
    const own = legitimate.get(visit.user);
    if (own) own.push(model.score(visit));
    else legitimate.set(visit.user, []);
    model.learn(visit);
  }
  return { model: model.name, legitimate, attacks };
}
