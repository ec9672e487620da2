import type { Attempt, NetworkFlagKind } from "@org/risk-engine";
import type { Random } from "../random.js";
import {
  addressV4,
  addressV6,
  type City,
  type Country,
  countries,
  type Operator,
  relays,
} from "./geography.js";
import { parameters } from "./parameters.js";

/** Where a sign-in comes from. */
export interface Origin {
  readonly operator: Operator;
  readonly country: Country;
  readonly city: City;
  readonly ip: string;
  readonly flags: readonly NetworkFlagKind[];
}

/** A connection that lasts: its address stays until the lease ends. */
export interface Line {
  readonly country: Country;
  readonly city: City;
  readonly operator: Operator;
  readonly ipv6: boolean;
  block: number;
  host: number;
  until: number;
}

export function newLine(country: Country, city: City, operator: Operator, random: Random): Line {
  const ipv6 = random.chance(parameters.network.homeIpv6);
  const line = { country, city, operator, ipv6, block: 0, host: 0, until: 0 };
  line.block = blockOf(line, random);
  line.host = random.below(254);
  line.until = random.exponential(parameters.network.homeLeaseDays);
  return line;
}

/** The address of a line on a day; IPv6 hosts take a new one within their /64 all the time. */
export function originOf(line: Line, day: number, random: Random): Origin {
  while (day > line.until) {
    line.until += random.exponential(parameters.network.homeLeaseDays);
    line.host = random.below(254);
    if (line.ipv6 || !random.chance(parameters.network.sameBlock)) line.block = blockOf(line, random);
  }
  const { operator, country, city } = line;
  const ip = line.ipv6 ? addressV6(operator, line.block, random) : addressV4(operator, line.block, line.host);
  return { operator, country, city, ip, flags: [] };
}

function blockOf({ ipv6, city }: Line, random: Random): number {
  const { homeBlocks } = parameters.network;
  return ipv6
    ? city.index * 0x100000 + random.below(0x100000)
    : city.index * homeBlocks + random.below(homeBlocks);
}

/** An address that a mobile carrier hands out for one visit. */
export function mobileOrigin(country: Country, city: City, operator: Operator, random: Random): Origin {
  const { mobileIpv6, mobileBlocks } = parameters.network;
  const ip = random.chance(mobileIpv6)
    ? addressV6(operator, city.index * 0x100000 + random.below(0x100000), random)
    : addressV4(operator, city.index * mobileBlocks + random.below(mobileBlocks), random.below(254));
  return { operator, country, city, ip, flags: [] };
}

/** An address of a relay, placed in the user's city. */
export function relayOrigin(country: Country, city: City, random: Random): Origin {
  const operator = random.weighted(relays);
  const block = countries.indexOf(country) * 32 + random.below(32);
  return { operator, country, city, ip: addressV4(operator, block, random.below(254)), flags: ["relay"] };
}

/** An address of a hosting company: how VPNs come out. */
export function hostingOrigin(country: Country, flags: readonly NetworkFlagKind[], random: Random): Origin {
  const operator = random.weighted(country.hosting);
  const city = country.cities[0] as City;
  return { operator, country, city, ip: addressV4(operator, random.below(30), random.below(254)), flags };
}

/** The origin as an attempt shows it, with the errors of the databases that a caller would ask. */
export function attemptOf(origin: Origin, at: number, random: Random): Attempt & { city: string } {
  const { place } = parameters;
  const city = random.chance(place.wrongCity) ? random.pick(origin.country.cities) : origin.city;
  const jitter = () => random.normal(0, 0.1);
  return {
    at,
    ip: origin.ip,
    asn: random.chance(place.unknownOperator) ? undefined : origin.operator.asn,
    country: origin.country.code,
    place: {
      latitude: city.latitude + jitter(),
      longitude: city.longitude + jitter(),
      accuracyKm: place.accuracyKm,
    },
    flags: origin.flags.map((kind) => ({ kind, asOf: at - 86_400_000 })),
    city: city.name,
  };
}
