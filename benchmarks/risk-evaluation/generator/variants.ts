import type { Random } from "../random.js";
import type { Variant, Visit } from "../world.js";
import { type AgentText, agentOf, type Device } from "./devices.js";
import { addressV4, addressV6, type City } from "./geography.js";
import { newLine, type Origin, originOf } from "./network.js";
import { parameters } from "./parameters.js";
import { isWeekend, type User } from "./users.js";

const { days, variants } = parameters;
const dayMs = 86_400_000;

/** The attempt of a variant's attacker and its time, in days of the generated year. */
export interface VariantAttack {
  readonly victim: User;
  readonly day: number;
  readonly origin: Origin;
  readonly agent: AgentText;
}

/** The variants' knowledge of their victims: the sign-ins that were generated before. */
export interface Targets {
  readonly people: readonly User[];
  readonly visits: readonly Visit[];
  /** Day of each user's first sign-in. */
  readonly firsts: ReadonlyMap<number, number>;
  /** Start of the generated year, ms since 1970. */
  readonly start: number;
}

/**
 * An attack that one rule is for, and that the four published models hardly have. Each takes away what else would give
 * it away: the header is the victim's own or the network is.
 */
export function variantAttack(variant: Variant, targets: Targets, random: Random): VariantAttack {
  switch (variant) {
    case "relayed":
      return relayed(targets, random);
    case "weekend":
      return weekend(targets, random);
    case "scripted":
      return scripted(targets, random);
    case "neighbour":
      return neighbour(targets, random);
    case "other system":
      return otherSystem(targets, random);
  }
}

/**
 * A phishing site that passes a sign-in on while its victim looks: within minutes of one of the victim's own, with the
 * victim's header, through a home connection that is rented in the victim's country and of the victim's operator, but
 * in another city.
 */
function relayed({ people, visits, start }: Targets, random: Random): VariantAttack {
  const { user, attempt } = random.pick(visits);
  const victim = people[user] as User;
  const city = random.pick(victim.country.cities.filter((one) => one !== victim.city));
  const day = (attempt.at - start) / dayMs + random.exponential(variants.relayMinutes) / 24 / 60;
  return { victim, day, origin: rented(victim, city, random), agent: copied(victim, day, random) };
}

/** The victim's header and operator, from the victim's city, on a weekend, when an office worker does not look. */
function weekend(targets: Targets, random: Random): VariantAttack {
  for (;;) {
    const victim = pickVictim(targets, random, ({ work }) => work !== undefined);
    const day = dayAfterFirst(victim, targets, random);
    if (!isWeekend(day)) continue;
    return { victim, day, origin: rented(victim, victim.city, random), agent: copied(victim, day, random) };
  }
}

/** A list of leaked passwords tried by a program, each once, through home connections that no list has. */
function scripted(targets: Targets, random: Random): VariantAttack {
  const victim = pickVictim(targets, random);
  const day = dayAfterFirst(victim, targets, random);
  return { victim, day, origin: rented(victim, victim.city, random), agent: random.pick(programs) };
}

/** Somebody behind another address of the victim's own network, with the victim's header. */
function neighbour(targets: Targets, random: Random): VariantAttack {
  const victim = pickVictim(targets, random);
  const day = dayAfterFirst(victim, targets, random);
  return { victim, day, origin: inside(victim, day, random), agent: copied(victim, day, random) };
}

/** Somebody in the victim's own network, with the victim's browser in its newest version, on another system. */
function otherSystem(targets: Targets, random: Random): VariantAttack {
  const portable = ({ system, browser }: Device) =>
    system !== "Linux" && (browser === "Chrome" || browser === "Firefox");
  const victim = pickVictim(targets, random, ({ devices }) =>
    devices.some((device) => device.kind === "desktop" && portable(device)),
  );
  const day = dayAfterFirst(victim, targets, random);
  const model = random.pick(victim.devices.filter((device) => device.kind === "desktop" && portable(device)));
  const agent = agentOf({ ...model, system: "Linux", token: "", lagDays: 0 }, day);
  return { victim, day, origin: inside(victim, day, random), agent };
}

const programs: readonly AgentText[] = ["python-requests/2.32.3", "okhttp/4.12.0", "Go-http-client/2.0"].map(
  (userAgent) => ({ userAgent, browser: userAgent.replace("/", " "), os: "Other", deviceType: "bot" }),
);

function pickVictim({ people }: Targets, random: Random, wanted: (user: User) => boolean = () => true): User {
  for (;;) {
    const user = random.pick(people);
    if (wanted(user)) return user;
  }
}

function dayAfterFirst({ id }: User, { firsts }: Targets, random: Random): number {
  const first = firsts.get(id) ?? 0;
  return first + 0.01 + random.next() * (days - first);
}

function copied(victim: User, day: number, random: Random): AgentText {
  return agentOf(random.pick(victim.devices), day);
}

function rented({ country, home }: User, city: City, random: Random): Origin {
  return originOf(newLine(country, city, home.operator, random), 0, random);
}

function inside({ home }: User, day: number, random: Random): Origin {
  const { operator, block, ipv6 } = home;
  const ip = ipv6 ? addressV6(operator, block, random) : addressV4(operator, block, random.below(254));
  return { ...originOf(home, day, random), ip };
}
