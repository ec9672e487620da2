import type { Random } from "../random.js";

export interface City {
  readonly name: string;
  readonly index: number;
  readonly latitude: number;
  readonly longitude: number;
}

export interface Operator {
  readonly asn: number;
  readonly country: string;
  readonly kind: "home" | "mobile" | "hosting" | "relay";
  readonly share: number;
}

export interface Country {
  readonly code: string;
  /** Share of the users, and of naive attackers. */
  readonly share: number;
  readonly attackers: number;
  readonly cities: readonly City[];
  readonly home: readonly Operator[];
  readonly mobile: readonly Operator[];
  readonly hosting: readonly Operator[];
}

type CityRow = readonly [name: string, latitude: number, longitude: number];
const rows: ReadonlyArray<
  readonly [code: string, share: number, attackers: number, cities: readonly CityRow[]]
> = [
  [
    "NO",
    0.5,
    0.05,
    [
      ["Oslo", 59.9, 10.8],
      ["Bergen", 60.4, 5.3],
      ["Trondheim", 63.4, 10.4],
      ["Tromsø", 69.6, 19],
    ],
  ],
  [
    "US",
    0.22,
    0.25,
    [
      ["New York", 40.7, -74],
      ["Chicago", 41.9, -87.6],
      ["Los Angeles", 34.1, -118.2],
      ["Dallas", 32.8, -96.8],
    ],
  ],
  [
    "DE",
    0.12,
    0.1,
    [
      ["Berlin", 52.5, 13.4],
      ["Hamburg", 53.6, 10],
      ["Munich", 48.1, 11.6],
      ["Cologne", 50.9, 7],
    ],
  ],
  [
    "BR",
    0.08,
    0.2,
    [
      ["São Paulo", -23.6, -46.6],
      ["Rio de Janeiro", -22.9, -43.2],
      ["Recife", -8.1, -34.9],
      ["Brasília", -15.8, -47.9],
    ],
  ],
  [
    "IN",
    0.05,
    0.2,
    [
      ["Mumbai", 19.1, 72.9],
      ["Delhi", 28.7, 77.1],
      ["Chennai", 13.1, 80.3],
      ["Kolkata", 22.6, 88.4],
    ],
  ],
  [
    "VN",
    0.03,
    0.2,
    [
      ["Hanoi", 21, 105.8],
      ["Ho Chi Minh City", 10.8, 106.7],
      ["Da Nang", 16.1, 108.2],
      ["Hue", 16.5, 107.6],
    ],
  ],
];

const homeShares = [0.4, 0.28, 0.18, 0.14];
const mobileShares = [0.5, 0.3, 0.2];
const hostingShares = [0.5, 0.3, 0.2];

/** Countries with their cities and operators. The same each time. */
export const countries: readonly Country[] = rows.map(([code, share, attackers, cities], place) => {
  const operators = (kind: Operator["kind"], shares: readonly number[], offset: number): Operator[] =>
    shares.map((of, index) => ({
      asn: 64_000 + place * 20 + offset + index,
      country: code,
      kind,
      share: of,
    }));
  return {
    code,
    share,
    attackers,
    cities: cities.map(([name, latitude, longitude], index) => ({ name, index, latitude, longitude })),
    home: operators("home", homeShares, 0),
    mobile: operators("mobile", mobileShares, 5),
    hosting: operators("hosting", hostingShares, 10),
  };
});

/** The operators of relays. */
export const relays: readonly Operator[] = [
  { asn: 65_001, country: "US", kind: "relay", share: 0.6 },
  { asn: 65_002, country: "US", kind: "relay", share: 0.4 },
];

/** An IPv4 address: the operator gives the first byte, city and block the next two. */
export function addressV4(operator: Operator, block: number, host: number): string {
  const first = 11 + ((operator.asn - 64_000) % 80);
  return `${first}.${(block >> 8) & 255}.${block & 255}.${1 + (host % 254)}`;
}

/** An IPv6 address: the operator gives the second group, the block the next two. */
export function addressV6(operator: Operator, block: number, random: Random): string {
  const hex = (value: number) => value.toString(16);
  const tail = [0, 0, 0, 0].map(() => hex(random.below(65_536))).join(":");
  return `2a02:${hex(operator.asn & 0xffff)}:${hex((block >> 16) & 0xffff)}:${hex(block & 0xffff)}:${tail}`;
}
