import { createHash } from "node:crypto";
import type { Random } from "./random.js";

/** A country with what goes together there: language, time zone, cities and address space. */
interface Country {
  readonly code: string;
  readonly weight: number;
  readonly language: string;
  readonly timezone: string;
  readonly cities: ReadonlyArray<readonly [name: string, latitude: number, longitude: number]>;
  /** First octet of the networks that its users come from, and first group of their IPv6 networks. */
  readonly ipv4: number;
  readonly ipv6: string;
}

const countries: readonly Country[] = [
  {
    code: "US",
    weight: 30,
    language: "en-US",
    timezone: "America/New_York",
    cities: [
      ["New York", 40.71, -74.01],
      ["Chicago", 41.88, -87.63],
      ["Seattle", 47.61, -122.33],
    ],
    ipv4: 24,
    ipv6: "2600",
  },
  {
    code: "DE",
    weight: 12,
    language: "de-DE",
    timezone: "Europe/Berlin",
    cities: [
      ["Berlin", 52.52, 13.4],
      ["Munich", 48.14, 11.58],
    ],
    ipv4: 78,
    ipv6: "2003",
  },
  {
    code: "GB",
    weight: 10,
    language: "en-GB",
    timezone: "Europe/London",
    cities: [
      ["London", 51.51, -0.13],
      ["Leeds", 53.8, -1.55],
    ],
    ipv4: 81,
    ipv6: "2a00",
  },
  {
    code: "IN",
    weight: 10,
    language: "en-IN",
    timezone: "Asia/Kolkata",
    cities: [
      ["Bengaluru", 12.97, 77.59],
      ["Pune", 18.52, 73.86],
    ],
    ipv4: 103,
    ipv6: "2401",
  },
  {
    code: "FR",
    weight: 8,
    language: "fr-FR",
    timezone: "Europe/Paris",
    cities: [
      ["Paris", 48.86, 2.35],
      ["Lyon", 45.76, 4.84],
    ],
    ipv4: 90,
    ipv6: "2a01",
  },
  {
    code: "BR",
    weight: 7,
    language: "pt-BR",
    timezone: "America/Sao_Paulo",
    cities: [
      ["Recife", -8.05, -34.88],
      ["Curitiba", -25.43, -49.27],
    ],
    ipv4: 177,
    ipv6: "2804",
  },
  {
    code: "JP",
    weight: 6,
    language: "ja-JP",
    timezone: "Asia/Tokyo",
    cities: [
      ["Tokyo", 35.68, 139.69],
      ["Osaka", 34.69, 135.5],
    ],
    ipv4: 126,
    ipv6: "240b",
  },
  {
    code: "NO",
    weight: 5,
    language: "nb-NO",
    timezone: "Europe/Oslo",
    cities: [
      ["Oslo", 59.91, 10.75],
      ["Bergen", 60.39, 5.32],
    ],
    ipv4: 84,
    ipv6: "2a02",
  },
  {
    code: "NL",
    weight: 5,
    language: "nl-NL",
    timezone: "Europe/Amsterdam",
    cities: [["Utrecht", 52.09, 5.12]],
    ipv4: 86,
    ipv6: "2001",
  },
  {
    code: "AU",
    weight: 4,
    language: "en-AU",
    timezone: "Australia/Sydney",
    cities: [
      ["Sydney", -33.87, 151.21],
      ["Perth", -31.95, 115.86],
    ],
    ipv4: 110,
    ipv6: "2403",
  },
  {
    code: "NG",
    weight: 3,
    language: "en-NG",
    timezone: "Africa/Lagos",
    cities: [["Lagos", 6.52, 3.38]],
    ipv4: 105,
    ipv6: "2c0f",
  },
];
const totalWeight = countries.reduce((sum, { weight }) => sum + weight, 0);

export interface DeviceModel {
  readonly userAgent: string;
  readonly device: {
    os: { name?: string; version?: string };
    browser: { name?: string; version?: string };
    type: string;
    label: string;
  };
  readonly deviceHash: Buffer;
}

const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome";

const described: ReadonlyArray<
  readonly [
    userAgent: string,
    os: string,
    osVersion: string | undefined,
    browser: string,
    version: string,
    type: string,
    label: string,
  ]
> = [
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome}/131.0.0.0 Safari/537.36`,
    "Windows",
    undefined,
    "Chrome",
    "131.0.0.0",
    "desktop",
    "Chrome on Windows",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Windows",
    undefined,
    "Firefox",
    "132.0",
    "desktop",
    "Firefox on Windows",
  ],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome}/131.0.0.0 Safari/537.36 Edg/131.0.2903.51`,
    "Windows",
    undefined,
    "Edge",
    "131.0.2903.51",
    "desktop",
    "Edge on Windows",
  ],
  [
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${chrome}/131.0.0.0 Safari/537.36`,
    "macOS",
    undefined,
    "Chrome",
    "131.0.0.0",
    "desktop",
    "Chrome on macOS",
  ],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    "macOS",
    undefined,
    "Safari",
    "17.6",
    "desktop",
    "Safari on macOS",
  ],
  [
    `Mozilla/5.0 (X11; Linux x86_64) ${chrome}/131.0.0.0 Safari/537.36`,
    "Linux",
    undefined,
    "Chrome",
    "131.0.0.0",
    "desktop",
    "Chrome on Linux",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "iOS",
    "17.6.1",
    "Safari",
    "17.6",
    "mobile",
    "Safari on iOS",
  ],
  [
    "Mozilla/5.0 (iPad; CPU OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "iOS",
    "17.6.1",
    "Safari",
    "17.6",
    "tablet",
    "Safari on iOS",
  ],
  [
    `Mozilla/5.0 (Linux; Android 14; SM-S921B) ${chrome}/131.0.0.0 Mobile Safari/537.36`,
    "Android",
    "14",
    "Chrome",
    "131.0.0.0",
    "mobile",
    "Chrome on Android",
  ],
  [
    `Mozilla/5.0 (Linux; Android 15; Pixel 9) ${chrome}/131.0.0.0 Mobile Safari/537.36`,
    "Android",
    "15",
    "Chrome",
    "131.0.0.0",
    "mobile",
    "Chrome on Android",
  ],
];

/** Devices of the generated people, with the reading that `detectDevice` of @org/db-models gives of each. */
export const deviceModels: readonly DeviceModel[] = described.map(
  ([userAgent, os, osVersion, browser, version, type, label]) => ({
    userAgent,
    device: {
      os: { name: os, ...(osVersion && { version: osVersion }) },
      browser: { name: browser, version },
      type,
      label,
    },
    deviceHash: createHash("sha256")
      .update(JSON.stringify([os, browser, type]))
      .digest()
      .subarray(0, 16),
  }),
);

interface Place {
  readonly network: string;
  readonly location: { country: string; city: string; latitude: number; longitude: number };
  /** An address in the network. */
  address(random: Random): string;
}

/** Where a person lives and signs in from, and on what. */
export interface Habits {
  readonly country: Country;
  readonly places: readonly Place[];
  readonly devices: readonly DeviceModel[];
}

/** One to three networks of one country, and one to three devices, that belong to one person. */
export function habitsOf(random: Random): Habits {
  const country = pickCountry(random);
  const places = Array.from({ length: 1 + random.geometric(0.6) }, () => makePlace(country, random)).slice(
    0,
    3,
  );
  // One person in twenty has been abroad.
  if (random.chance(0.05)) places.push(makePlace(pickCountry(random), random));
  const devices = Array.from({ length: 1 + random.geometric(0.5) }, () => random.pick(deviceModels)).slice(
    0,
    3,
  );
  return { country, places, devices };
}

function pickCountry(random: Random): Country {
  let left = random.fraction() * totalWeight;
  const found = countries.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
  return found ?? (countries[0] as Country);
}

function makePlace(country: Country, random: Random): Place {
  const [city, latitude, longitude] = random.pick(country.cities);
  const location = { country: country.code, city, latitude, longitude };
  return random.chance(0.3) ? ipv6Place(country, location, random) : ipv4Place(country, location, random);
}

function ipv4Place(country: Country, location: Place["location"], random: Random): Place {
  const prefix = `${country.ipv4}.${random.integer(0, 255)}.${random.integer(0, 255)}`;
  return { network: `${prefix}.0/24`, location, address: (own) => `${prefix}.${own.integer(1, 254)}` };
}

function ipv6Place(country: Country, location: Place["location"], random: Random): Place {
  // Groups of four digits with no zeros, so that the text is canonical as it stands.
  const group = (own: Random) => own.integer(0x1000, 0xffff).toString(16);
  const prefix = `${country.ipv6}:${group(random)}:${group(random)}:${group(random)}`;
  return {
    network: `${prefix}::/64`,
    location,
    address: (own) => `${prefix}:${group(own)}:${group(own)}:${group(own)}:${group(own)}`,
  };
}
