import { type Policy, parsePolicy, presets } from "../src/index.js";
import { pool, reauthentications, rocAuc, thresholdFor } from "./metrics.js";
import { OurModel } from "./models/ours.js";
import { run } from "./run.js";
import { type Attacker, attackers, type World } from "./world.js";

const base = presets.balanced;
const withoutLevel = (...names: (keyof Policy["core"])[]): Policy =>
  parsePolicy({ ...base, core: { ...base.core, ...Object.fromEntries(names.map((name) => [name, 0])) } });

/** The policy without one rule each. */
export const ablations: Readonly<Record<string, Policy>> = {
  nothing: base,
  activity: withoutLevel("activity"),
  "exact address": withoutLevel("ip"),
  "network (/24, /64)": withoutLevel("prefix"),
  "network operator": withoutLevel("asn"),
  country: withoutLevel("country"),
  "header without versions": withoutLevel("userAgent"),
  "browser with version": withoutLevel("browser"),
  "operating system and type": withoutLevel("os", "deviceType"),
  "impossible travel": parsePolicy({ ...base, travel: { ...base.travel, impossible: 0 } }),
  hour: parsePolicy({ ...base, rhythm: { ...base.rhythm, hour: 0 } }),
  weekday: parsePolicy({ ...base, rhythm: { ...base.rhythm, weekday: 0 } }),
  dormancy: parsePolicy({ ...base, dormancy: { ...base.dormancy, most: 0 } }),
  failures: parsePolicy({ ...base, failures: { ...base.failures, most: 0 } }),
  flags: parsePolicy({ ...base, flags: { ...base.flags, most: 0 } }),
  automation: parsePolicy({ ...base, automation: { ...base.automation, most: 0 } }),
};

/** What is left of the result without a rule. */
export interface Ablation {
  readonly without: string;
  readonly auc: ReadonlyMap<Attacker, number>;
  /** Mean re-authentications among the first 20 sign-ins where 99 % of the attacks are stopped, by attacker. */
  readonly mean: ReadonlyMap<Attacker, number>;
}

export function ablate(world: World, without: string, policy: Policy): Ablation {
  const pooled = pool([[run(new OurModel(without, policy), world), world]]);
  return {
    without,
    auc: new Map(attackers.map((attacker) => [attacker, rocAuc(pooled, attacker)])),
    mean: new Map(
      attackers.map((attacker) => {
        const rate = attacker === "very targeted" ? 0.8966 : 0.99;
        return [attacker, reauthentications(pooled, thresholdFor(pooled, attacker, rate), 20).mean];
      }),
    ),
  };
}
