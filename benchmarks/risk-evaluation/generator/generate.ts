import type { AttemptContext } from "@org/risk-engine";
import type { FreemanLogin } from "@org/risk-engine/freeman";
import { Random } from "../random.js";
import {
  type Attacker,
  attackers,
  type Frequency,
  frequencyFor,
  type Visit,
  variants,
  type World,
} from "../world.js";
import { attackOf } from "./attacks.js";
import type { AgentText, Headers } from "./devices.js";
import type { Line, Origin } from "./network.js";
import { attemptOf } from "./network.js";
import { parameters } from "./parameters.js";
import { isWeekend, newUser, type User, visitOf } from "./users.js";
import { type Targets, variantAttack } from "./variants.js";

const dayMs = 86_400_000;
const start = Date.UTC(2025, 0, 1);
const { days, behaviour, attacks } = parameters;
/** Far from every seed of a world. */
const variantSeeds = 1_000_000;

export interface WorldOptions {
  readonly headers?: Headers;
  readonly users?: number;
  /** With the variants of attackers as well. The rest of the world is the same as without. */
  readonly withVariants?: boolean;
}

/** A year of a service's sign-ins, and attacks on its users. The same for the same seed. */
export function generateWorld(
  seed: number,
  { headers = "full", users = parameters.users, withVariants = false }: WorldOptions = {},
): World {
  const random = new Random(seed);
  const workplaces = new Map<string, Line[]>();
  const people = Array.from({ length: users }, (_, id) => newUser(id, headers, workplaces, random));
  const visits: Visit[] = [];
  const firsts = new Map<number, number>();
  const frequencyOf = new Map<number, Frequency>();
  for (const user of people) {
    const times = timesOf(user, random);
    const [first = 0, last = 0] = [times[0], times[times.length - 1]];
    firsts.set(user.id, first);
    frequencyOf.set(user.id, frequencyFor(times.length, (last - first) * dayMs));
    for (const day of times) visits.push(legitimate(user, day, random));
  }
  const legitimateOnes = [...visits];
  const each = Math.min(attacks.each, users);
  for (const attacker of attackers) {
    for (let count = 0; count < each; count++) visits.push(attack(attacker, people, firsts, random));
  }
  if (withVariants) visits.push(...variantAttacks({ people, visits: legitimateOnes, firsts, start }, seed));
  visits.sort((a, b) => a.attempt.at - b.attempt.at);
  return { visits, frequencyOf };
}

// A user joins at any time of the year; one with many sign-ins spreads them over the rest of it.
function timesOf(user: User, random: Random): number[] {
  const joined = random.next() * 0.6 * days;
  const times = Array.from({ length: user.logins }, () => dayFor(user, joined, random));
  return times.map((day) => Math.floor(day) + hourOf(user, random) / 24).sort((a, b) => a - b);
}

function dayFor(user: User, joined: number, random: Random): number {
  const day = joined + random.next() * (days - joined);
  const free = user.work && isWeekend(day);
  return free && random.chance(behaviour.freeWeekends) ? dayFor(user, joined, random) : day;
}

function hourOf({ hour, rhythm }: User, random: Random): number {
  // Rejection from the von Mises density.
  for (;;) {
    const candidate = random.next() * 24;
    const offset = Math.cos(((candidate - hour) / 24) * 2 * Math.PI) - 1;
    if (random.chance(Math.exp(rhythm * offset))) return candidate;
  }
}

function legitimate(user: User, day: number, random: Random): Visit {
  const { origin, agent } = visitOf(user, day, random);
  const account = random.chance(behaviour.typos) ? 1 + Math.floor(random.exponential(0.7)) : 0;
  const network = Math.floor(random.exponential(0.5));
  return toVisit(user.id, origin, agent, day, { failures: { account, network } }, random);
}

function attack(
  attacker: Attacker,
  people: readonly User[],
  firsts: ReadonlyMap<number, number>,
  random: Random,
): Visit {
  const victim = random.pick(people);
  const first = firsts.get(victim.id) ?? 0;
  const day = first + 0.01 + random.next() * (days - first);
  const careless = attacker === "naive";
  const hour = careless || attacker === "vpn" ? random.next() * 24 : regionalHour(random);
  const { origin, agent } = attackOf(attacker, victim, people, day, random);
  const network = careless ? Math.floor(random.exponential(20)) : 0;
  const context: AttemptContext = { failures: { account: Math.floor(random.exponential(0.8)), network } };
  const when = Math.max(first + 0.001, Math.floor(day) + hour / 24);
  return { ...toVisit(victim.id, origin, agent, when, context, random), attacker };
}

// From a random source of their own, and last: the rest of the world does not change for them.
function variantAttacks(targets: Targets, seed: number): Visit[] {
  const random = new Random(seed + variantSeeds);
  const each = Math.min(parameters.variants.each, targets.people.length);
  return variants.flatMap((attacker) =>
    Array.from({ length: each }, () => {
      const { victim, origin, agent, day } = variantAttack(attacker, targets, random);
      return { ...toVisit(victim.id, origin, agent, day, {}, random), attacker };
    }),
  );
}

// An attacker who targets a person also keeps to the hours of that person's country.
function regionalHour(random: Random): number {
  return ((random.normal(13, 5) % 24) + 24) % 24;
}

function toVisit(
  user: number,
  origin: Origin,
  agent: AgentText,
  day: number,
  context: AttemptContext,
  random: Random,
): Visit {
  const { city, ...place } = attemptOf(origin, Math.round(start + day * dayMs), random);
  const reference: FreemanLogin = {
    userId: user,
    ip: origin.ip,
    asn: place.asn ?? "",
    country: origin.country.code,
    ...agent,
  };
  return { user, attempt: { ...place, ...agent }, context, reference, city };
}
