import { translatedIPv4 } from "@org/client-facts";

/** The parts of an address that can be compared: its canonical form, and its network. */
export interface AddressKeys {
  /** IPv4 in dots; IPv6 as eight groups, none left out. */
  readonly ip: string;
  /** The /24 of IPv4, the /64 of IPv6: privacy extensions change the rest of it daily. */
  readonly prefix: string;
}

/**
 * Reads an address; one that stands for an IPv4 client behind a translator is that client's. `undefined` for what is none, for spellings that programs read in different ways (`0177.0.0.1`),
 * and for private, shared (RFC 6598), loopback and link-local addresses: behind those stands anybody.
 */
export function addressKeys(address: unknown): AddressKeys | undefined {
  if (typeof address !== "string" || address.length < 2 || address.length > 45) return undefined;
  if (!address.includes(":")) return keysOfText(address);
  const groups = readV6(address);
  if (!groups) return undefined;
  const client = translatedIPv4(bytesOf(groups));
  if (client) return keysOfV4(client);
  return isPrivateV6(groups) ? undefined : keysOfV6(groups);
}

function keysOfV4(bytes: readonly number[] | undefined): AddressKeys | undefined {
  if (!bytes || isPrivateV4(bytes[0] ?? 0, bytes[1] ?? 0)) return undefined;
  const network = `${bytes[0]}.${bytes[1]}.${bytes[2]}.`;
  return { ip: network + bytes[3], prefix: `${network}0/24` };
}

/** The text is canonical where it can be read at all. */
function keysOfText(ip: string): AddressKeys | undefined {
  const bytes = readV4(ip);
  if (!bytes || isPrivateV4(bytes[0] ?? 0, bytes[1] ?? 0)) return undefined;
  return { ip, prefix: `${ip.slice(0, ip.lastIndexOf(".") + 1)}0/24` };
}

function keysOfV6(groups: readonly number[]): AddressKeys {
  const text = groups.map((group) => group.toString(16));
  return { ip: text.join(":"), prefix: `${text.slice(0, 4).join(":")}::/64` };
}

function readV4(text: string): number[] | undefined {
  const bytes: number[] = [];
  let value = -1;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : 46;
    if (code === 46) {
      if (value < 0 || value > 255 || bytes.length === 4) return undefined;
      bytes.push(value);
      value = -1;
    } else if (code < 48 || code > 57 || value === 0) {
      return undefined; // a second digit after a zero would be octal to some
    } else {
      value = (value < 0 ? 0 : value * 10) + code - 48;
    }
  }
  return bytes.length === 4 ? bytes : undefined;
}

function readV6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = readGroups(halves[0] ?? "");
  const tail = readGroups(halves[1] ?? "");
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing < 1 ? undefined : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function readGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes(".")) {
      const bytes = readV4(part);
      if (!bytes) return undefined;
      groups.push(pair(bytes[0] ?? 0, bytes[1] ?? 0), pair(bytes[2] ?? 0, bytes[3] ?? 0));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function pair(high: number, low: number): number {
  return high * 256 + low;
}

function bytesOf(groups: readonly number[]): number[] {
  return groups.flatMap((group) => [group >> 8, group & 255]);
}

function isPrivateV4(first: number, second: number): boolean {
  if (first === 0 || first === 10 || first === 127 || first >= 224) return true;
  if (first === 100) return second >= 64 && second < 128;
  if (first === 169) return second === 254;
  if (first === 172) return second >= 16 && second < 32;
  return first === 192 && second === 168;
}

function isPrivateV6([first = 0, ...rest]: readonly number[]): boolean {
  // fc00::/7, fe80::/10, ff00::/8, :: and ::1
  if ((first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80 || first >= 0xff00) return true;
  return first === 0 && rest.slice(0, 6).every((group) => group === 0) && (rest[6] ?? 0) <= 1;
}
