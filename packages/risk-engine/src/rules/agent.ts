import { levelReason } from "../backoff.js";
import type { Facts, Reason, Rule } from "../facts.js";
import { type Level, levelsOf } from "../features.js";
import { weightOf } from "../profile.js";
import { reportedOf } from "./feedback.js";

const codes = {
  userAgent: { known: "known_agent", fresh: "new_agent" },
  browser: { known: "known_browser", fresh: "new_browser" },
  os: { known: "known_system", fresh: "new_system" },
  deviceType: { known: "known_device_type", fresh: "new_device_type" },
} as const;

/**
 * New or known device, by its user agent: the statistical core over the header. An update is no novelty: versions are
 * taken out of the header, a browser counts as known where the user had it in this version or an older one, and the
 * system's version, which browsers freeze, is not looked at. A browser older than any known one is new.
 *
 * So is the header of a sign-in that was reported, where it comes from the same network again.
 *
 * The header is the client's to choose, so one that is missing, or of which nothing can be read, counts as new.
 *
 * Bounds: `core.bound` times the weight of each level, either way.
 */
export const agentRule: Rule = (facts) => {
  const reasons: Reason[] = [];
  const { agent: reported } = reportedOf(facts);
  for (const level of levelsOf.agent) {
    const value = facts.features[level];
    const seen = value === undefined || reported ? 0 : seenOf(facts, level, value);
    const reason = levelReason(facts, "agent", level, seen, codes[level]);
    if (reason) reasons.push(reason);
  }
  return reasons;
};

function seenOf({ features, profile }: Facts, level: Level, value: string): number {
  const { values } = profile.levels[level];
  if (level !== "browser") return weightOf(values, value);
  let seen = 0;
  for (const [known, weight] of values) {
    if (isSameOrOlder(known, value, features.browserMajor)) seen += weight;
  }
  return seen;
}

/** Whether an entry of the profile, `Chrome 119`, is this browser in this version or an older one. */
export function isSameOrOlder(known: string, name: string, major: number): boolean {
  const split = known.length > name.length && known.startsWith(name) && known[name.length] === " ";
  return split && Number(known.slice(name.length + 1)) <= major;
}
