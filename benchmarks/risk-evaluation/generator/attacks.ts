import type { NetworkFlagKind } from "@org/risk-engine";
import type { Random } from "../random.js";
import type { Attacker } from "../world.js";
import { type AgentText, agentOf } from "./devices.js";
import { addressV4, addressV6, countries } from "./geography.js";
import { hostingOrigin, mobileOrigin, newLine, type Origin, originOf } from "./network.js";
import { parameters } from "./parameters.js";
import type { User } from "./users.js";

const { attacks } = parameters;

export interface Attack {
  readonly origin: Origin;
  readonly agent: AgentText;
}

/** The attempt of a model's attacker on the victim's account on a day. */
export function attackOf(
  attacker: Attacker,
  victim: User,
  users: readonly User[],
  day: number,
  random: Random,
): Attack {
  switch (attacker) {
    case "naive":
      return {
        origin: anywhere(random),
        agent: random.chance(attacks.naiveAutomated) ? program : popular(users, day, random),
      };
    case "vpn": {
      const flags: NetworkFlagKind[] = random.chance(attacks.vpnListed) ? ["vpn"] : [];
      return { origin: hostingOrigin(victim.country, flags, random), agent: popular(users, day, random) };
    }
    case "targeted":
      return {
        origin: sameOperator(victim, attacks.targetedListed, random),
        agent: similar(victim, users, day, random),
      };
    case "very targeted": {
      const copied = random.chance(attacks.sameAgent);
      return {
        origin: veryNear(victim, day, random),
        agent: copied ? agentOf(random.pick(victim.devices), day) : similar(victim, users, day, random),
      };
    }
  }
}

const program: AgentText = {
  userAgent: "python-requests/2.32.3",
  browser: "Python Requests 2.32",
  os: "Other",
  deviceType: "bot",
};

function anywhere(random: Random): Origin {
  const country = random.weighted(countries.map((one) => ({ one, share: one.attackers }))).one;
  const flags: NetworkFlagKind[] = random.chance(attacks.naiveListed) ? ["listed"] : [];
  if (random.chance(0.6)) return hostingOrigin(country, [...flags, "hosting"], random);
  const line = newLine(country, random.pick(country.cities), random.weighted(country.home), random);
  return { ...originOf(line, 0, random), flags };
}

/** A home of the victim's city and operator that an attacker has got into. */
function sameOperator(victim: User, listed: number, random: Random): Origin {
  const flags: NetworkFlagKind[] = random.chance(listed) ? ["listed"] : [];
  const { country, city } = victim;
  if (random.chance(0.3)) return { ...mobileOrigin(country, city, victim.carrier, random), flags };
  return { ...originOf(newLine(country, city, victim.home.operator, random), 0, random), flags };
}

function veryNear(victim: User, day: number, random: Random): Origin {
  if (random.chance(attacks.veryTargetedListed)) return hostingOrigin(victim.country, ["listed"], random);
  if (!random.chance(attacks.sameNetwork)) return sameOperator(victim, 0, random);
  const { operator, block, ipv6 } = victim.home;
  const ip = ipv6 ? addressV6(operator, block, random) : addressV4(operator, block, random.below(254));
  return { ...originOf(victim.home, day, random), ip };
}

/** A header in proportion to how many use it. */
function popular(users: readonly User[], day: number, random: Random): AgentText {
  return agentOf(random.pick(random.pick(users).devices), day);
}

/** A header that is frequent in the victim's country, of the victim's kind of device. */
function similar(victim: User, users: readonly User[], day: number, random: Random): AgentText {
  const { kind } = random.pick(victim.devices);
  for (let tries = 0; tries < 200; tries++) {
    const other = random.pick(users);
    if (other.country !== victim.country || other === victim) continue;
    const device = other.devices.find((one) => one.kind === kind);
    if (device) return agentOf(device, day);
  }
  return popular(users, day, random);
}
