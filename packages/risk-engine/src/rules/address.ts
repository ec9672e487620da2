import { levelReason } from "../backoff.js";
import type { Reason, Rule } from "../facts.js";
import { type LevelProfile, weightOf } from "../profile.js";
import { reportedOf } from "./feedback.js";

const codes = {
  ip: { known: "known_ip", fresh: "new_ip" },
  prefix: { known: "known_network", fresh: "new_network" },
  asn: { known: "known_operator", fresh: "new_operator" },
  country: { known: "known_country", fresh: "new_country" },
} as const;
type AddressLevel = keyof typeof codes;

/**
 * New or known address, network, operator and country: the statistical core over the address. An address of a relay
 * says nothing by itself; its operator and country do. Where the attempt comes from a network of
 * which a sign-in was reported, nothing of it is known: not its operator and country either.
 *
 * Bounds: `core.bound` times the weight of each level, either way.
 */
export const addressRule: Rule = (facts) => {
  const { features, profile, policy } = facts;
  const { levels } = profile;
  const { core } = policy;
  const { address: isReported } = reportedOf(facts);
  const reasons: Reason[] = [];
  // Each by its name: these are read for every sign-in, and a name that varies is looked up in a table.
  const add = (level: AddressLevel, value: string | undefined, known: LevelProfile, weight: number) => {
    if (value === undefined) return;
    const seen = isReported ? 0 : weightOf(known.values, value);
    const compared = {
      feature,
      level,
      value,
      seen,
      total: known.total,
      weight,
      codes: codes[level],
    } as const;
    const reason = levelReason(facts, compared);
    if (reason) reasons.push(reason);
  };
  add("ip", features.ip, levels.ip, core.ip);
  add("prefix", features.prefix, levels.prefix, core.prefix);
  add("asn", features.asn, levels.asn, core.asn);
  add("country", features.country, levels.country, core.country);
  return reasons;
};

const feature = "address";
