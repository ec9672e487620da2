import { levelReason } from "../backoff.js";
import type { Reason, Rule } from "../facts.js";
import { levelsOf } from "../features.js";
import { weightOf } from "../profile.js";
import { reportedOf } from "./feedback.js";

const codes = {
  ip: { known: "known_ip", fresh: "new_ip" },
  prefix: { known: "known_network", fresh: "new_network" },
  asn: { known: "known_operator", fresh: "new_operator" },
  country: { known: "known_country", fresh: "new_country" },
} as const;

/**
 * New or known address, network, operator and country: the statistical core over the address. An address of a relay
 * says nothing by itself; its operator and country do. Where the attempt comes from a network of
 * which a sign-in was reported, nothing of it is known: not its operator and country either.
 *
 * Bounds: `core.bound` times the weight of each level, either way.
 */
export const addressRule: Rule = (facts) => {
  const reasons: Reason[] = [];
  const { address: reported } = reportedOf(facts);
  for (const level of levelsOf.address) {
    const value = facts.features[level];
    if (value === undefined) continue;
    const seen = reported ? 0 : weightOf(facts.profile.levels[level].values, value);
    const reason = levelReason(facts, "address", level, seen, codes[level]);
    if (reason) reasons.push(reason);
  }
  return reasons;
};
