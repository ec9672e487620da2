import { levelReason } from "../backoff.js";
import type { Reason, Rule } from "../facts.js";
import type { Features } from "../features.js";
import { type LevelProfile, type Weighted, weightOf } from "../profile.js";
import { isDigit } from "../text.js";
import { reportedOf } from "./feedback.js";

const codes = {
  userAgent: { known: "known_agent", fresh: "new_agent" },
  browser: { known: "known_browser", fresh: "new_browser" },
  os: { known: "known_system", fresh: "new_system" },
  deviceType: { known: "known_device_type", fresh: "new_device_type" },
} as const;
type AgentLevel = keyof typeof codes;

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
  const { features, profile, policy } = facts;
  const { levels } = profile;
  const { core } = policy;
  const { agent: isReported } = reportedOf(facts);
  const reasons: Reason[] = [];
  const add = (level: AgentLevel, value: string | undefined, known: LevelProfile, weight: number) => {
    const seen = value === undefined || isReported ? 0 : seenOf(level, value, known.values, features);
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
  add("userAgent", features.userAgent, levels.userAgent, core.userAgent);
  add("browser", features.browser, levels.browser, core.browser);
  add("os", features.os, levels.os, core.os);
  add("deviceType", features.deviceType, levels.deviceType, core.deviceType);
  return reasons;
};

const feature = "agent";

function seenOf(
  level: AgentLevel,
  value: string,
  values: readonly Weighted[],
  { browserMajor }: Features,
): number {
  if (level !== "browser") return weightOf(values, value);
  let seen = 0;
  for (let index = 0; index < values.length; index++) {
    const [known, weight] = values[index] as Weighted;
    if (isSameOrOlder(known, value, browserMajor)) seen += weight;
  }
  return seen;
}

/** Whether an entry of the profile, `Chrome 119`, is this browser in this version or an older one. */
export function isSameOrOlder(known: string, name: string, major: number): boolean {
  const split = name.length;
  if (known.charCodeAt(split) !== 32) return false;
  let version = 0;
  for (let index = split + 1; index < known.length; index++) {
    const code = known.charCodeAt(index);
    if (!isDigit(code)) return false;
    version = version * 10 + code - 48;
  }
  return version <= major && begins(known, name);
}

// A handful of letters: a loop is quicker than startsWith.
function begins(text: string, start: string): boolean {
  for (let index = 0; index < start.length; index++)
    if (text.charCodeAt(index) !== start.charCodeAt(index)) return false;
  return true;
}
