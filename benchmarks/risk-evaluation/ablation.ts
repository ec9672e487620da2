import { type Policy, parsePolicy, presets } from "@org/risk-engine";
import { pool, reauthentications, rocAuc, thresholdFor } from "./metrics.js";
import { OurModel } from "./models/ours.js";
import { run } from "./run.js";
import { type Attacker, attackers, type Variant, variants, type World } from "./world.js";

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
  dormancy: parsePolicy({ ...base, dormancy: { ...base.dormancy, most: 0 } }),
  failures: parsePolicy({ ...base, failures: { ...base.failures, most: 0 } }),
  flags: parsePolicy({ ...base, flags: { ...base.flags, most: 0 } }),
  automation: parsePolicy({ ...base, automation: { ...base.automation, most: 0 } }),
};

/** Result without a rule. */
export interface Ablation {
  readonly without: string;
  readonly auc: ReadonlyMap<Attacker | Variant, number>;
  /** Mean re-authentications among the first 20 sign-ins where the attacks are stopped, by attacker. */
  readonly mean: ReadonlyMap<Attacker | Variant, number>;
}

/** Share of the attacks that is to be stopped. Who has the victim's header or network is too like for more. */
export function ablationRate(attacker: Attacker | Variant): number {
  if (attacker === "very targeted") return 0.8966;
  return (variants as readonly string[]).includes(attacker) ? 0.9 : 0.99;
}

export function ablate(worlds: readonly World[], without: string, policy: Policy): Ablation {
  const pooled = pool(worlds.map((world) => [run(new OurModel(without, policy), world), world] as const));
  const all = [...attackers, ...variants];
  const mean = (attacker: Attacker | Variant) =>
    reauthentications(pooled, thresholdFor(pooled, attacker, ablationRate(attacker)), 20).mean;
  return {
    without,
    auc: new Map(all.map((attacker) => [attacker, rocAuc(pooled, attacker)])),
    mean: new Map(all.map((attacker) => [attacker, mean(attacker)])),
  };
}
