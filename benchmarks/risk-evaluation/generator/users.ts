import type { Random } from "../random.js";
import { type AgentText, agentOf, type Device, type Headers, newDevice } from "./devices.js";
import { type City, type Country, countries, type Operator } from "./geography.js";
import {
  hostingOrigin,
  type Line,
  mobileOrigin,
  newLine,
  type Origin,
  originOf,
  relayOrigin,
} from "./network.js";
import { parameters } from "./parameters.js";

interface Trip {
  readonly from: number;
  readonly to: number;
  readonly line: Line;
}

export interface User {
  readonly id: number;
  readonly country: Country;
  readonly city: City;
  readonly home: Line;
  readonly carrier: Operator;
  readonly work: Line | undefined;
  readonly devices: Device[];
  readonly trips: readonly Trip[];
  readonly relay: boolean;
  readonly vpn: Country | undefined;
  /** Hour that the user keeps to, and how closely. */
  readonly hour: number;
  readonly rhythm: number;
  readonly logins: number;
}

/** Whether a day of the generated year is a Saturday or a Sunday. 1 January 2025 was a Wednesday. */
export function isWeekend(day: number): boolean {
  return (Math.floor(day) + 2) % 7 >= 5;
}

export function newUser(id: number, headers: Headers, workplaces: Map<string, Line[]>, random: Random): User {
  const { activity, network, travel, behaviour } = parameters;
  const country = random.weighted(countries);
  const city = random.pick(country.cities);
  const logins = Math.round(activity.median * Math.exp(random.normal(0, activity.sigma)));
  const [least, most] = behaviour.rhythm;
  return {
    id,
    country,
    city,
    home: newLine(country, city, random.weighted(country.home), random),
    carrier: random.weighted(country.mobile),
    work: random.chance(network.workers) ? workplaceIn(country, city, workplaces, random) : undefined,
    devices: newDevices(headers, random),
    trips: random.chance(travel.travellers) ? newTrips(country, random) : [],
    relay: random.chance(network.relay),
    vpn: random.chance(network.vpnUsers) ? random.weighted(countries) : undefined,
    hour: random.normal(13, 4),
    rhythm: least + (most - least) * random.next(),
    logins: Math.min(activity.most, Math.max(1, logins)),
  };
}

function workplaceIn(country: Country, city: City, all: Map<string, Line[]>, random: Random): Line {
  const key = `${country.code}/${city.name}`;
  const lines = all.get(key) ?? [];
  all.set(key, lines);
  const places = Math.ceil((parameters.users * country.share) / 4 / parameters.network.workplaceSize);
  if (lines.length < places) {
    // A company's line keeps its address for good.
    const line = newLine(country, city, random.weighted(country.home), random);
    lines.push({ ...line, ipv6: false, block: line.block % 4_096, until: Number.POSITIVE_INFINITY });
  }
  return random.pick(lines);
}

function newDevices(headers: Headers, random: Random): Device[] {
  const { device } = parameters;
  const devices: Device[] = [];
  if (random.chance(device.phoneOwners)) devices.push(newDevice("phone", headers, random));
  if (random.chance(device.desktopOwners) || devices.length === 0) {
    devices.push(newDevice("desktop", headers, random));
    if (random.chance(device.secondBrowser)) devices.push(newDevice("desktop", headers, random));
  }
  return devices;
}

function newTrips(country: Country, random: Random): Trip[] {
  const { travel, days } = parameters;
  const trips: Trip[] = [];
  let from = random.exponential(365 / travel.tripsPerYear);
  while (from < days) {
    const to = from + travel.days[0] + random.below(travel.days[1] - travel.days[0]);
    const where = random.chance(travel.abroad) ? random.weighted(countries) : country;
    trips.push({
      from,
      to,
      line: newLine(where, random.pick(where.cities), random.weighted(where.home), random),
    });
    from = to + random.exponential(365 / travel.tripsPerYear);
  }
  return trips;
}

/** One legitimate sign-in: with which device, and from where. */
export function visitOf(user: User, day: number, random: Random): { origin: Origin; agent: AgentText } {
  const index = random.below(user.devices.length);
  const replaced = parameters.device.replacedPerYear / Math.max(1, user.logins);
  const old = user.devices[index] as Device;
  if (random.chance(replaced)) user.devices[index] = newDevice(old.kind, old.headers, random);
  const device = user.devices[index] as Device;
  return { origin: originFor(user, device, day, random), agent: agentOf(device, day) };
}

function originFor(user: User, device: Device, day: number, random: Random): Origin {
  const { network, travel } = parameters;
  if (user.vpn && random.chance(network.vpnUse)) return hostingOrigin(user.vpn, ["vpn"], random);
  const trip = user.trips.find(({ from, to }) => day >= from && day < to);
  const phone = device.kind === "phone";
  const mobile = () => mobileOrigin(user.country, user.city, user.carrier, random);
  if (trip) return phone && random.chance(travel.roaming) ? mobile() : originOf(trip.line, day, random);
  if (user.relay && device.browser === "Safari") return relayOrigin(user.country, user.city, random);
  if (random.chance(network.elsewhere)) {
    const line = newLine(user.country, user.city, random.weighted(user.country.home), random);
    return originOf(line, 0, random);
  }
  if (phone && random.chance(0.5)) return mobile();
  const atWork = user.work && random.chance(phone ? 0.1 : 0.45);
  return originOf(atWork && user.work ? user.work : user.home, day, random);
}
