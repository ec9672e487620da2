import { translatedIPv4 } from "@org/client-facts";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses whose parts could be read in two ways (`0177.0.0.1`, `1.2.3`) are refused, not guessed. */
const canonicalIPv4 = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/;

/**
 * The canonical text of an address: IPv6 compressed and in lower case; IPv6 that stands for an IPv4 client (IPv4-mapped,
 * NAT64, SIIT) as IPv4; no zone. `undefined` for anything else.
 */
export function canonicalAddress(address: string | undefined): string | undefined {
  return parseAddress(address)?.toString();
}

/**
 * The canonical text of a client's address as servers and proxies write it: with a port (`192.0.2.1:4711`), in brackets
 * (`[2001:db8::1]:443`), quoted (RFC 7239), or with the zone of a link (`fe80::1%eth0`), which says nothing elsewhere. To
 * be called once, where a request comes in. `undefined` for anything else, such as `unknown` or `_hidden` (RFC 7239).
 */
export function canonicalClientAddress(text: string | undefined): string | undefined {
  if (!text || text.length > maxClientAddress) return undefined;
  const [, bracketed, bare] = clientAddress.exec(text.trim().replace(/^"(.*)"$/, "$1")) ?? [];
  return canonicalAddress((bracketed ?? bare)?.replace(/%[\w.~%-]+$/, ""));
}

/** An address with its zone, port, brackets and quotes. */
const maxClientAddress = 128;
/** Without brackets, a colon behind dots alone begins a port: of IPv6 it would be a group. */
const clientAddress = /^(?:\[([^\]]*)\](?::\d{1,5})?|((?:[\d.]+(?=:\d{1,5}$))|[^[\]]+))(?::\d{1,5})?$/;

/** The network of an address, as risk and analytics see it: the /24 of IPv4, the /64 of IPv6, in CIDR notation. */
export function networkOf(address: string | undefined): string | undefined {
  const parsed = parseAddress(address);
  if (!parsed) return undefined;
  const prefix = parsed.kind() === "ipv4" ? 24 : 64;
  return `${maskAddress(parsed, prefix)}/${prefix}`;
}

/** An address as it is stored where there are millions of them: 4 or 16 bytes. `undefined` for what is no address. */
export function addressBytes(address: string | undefined): Buffer | undefined {
  const parsed = parseAddress(address);
  return parsed && Buffer.from(parsed.toByteArray());
}

/** The canonical text of {@link addressBytes}. */
export function addressText(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** The part of {@link addressBytes} that says the network: 3 or 8 bytes. */
export function networkBytes(address: Buffer): Buffer {
  return address.subarray(0, address.length === 4 ? 3 : 8);
}

/** The canonical text of a CIDR range; a bare address becomes a range of one. `undefined` when it is none. */
export function canonicalRange(range: string): string | undefined {
  const parsed = parseRange(range);
  return parsed && `${maskAddress(parsed.address, parsed.prefix)}/${parsed.prefix}`;
}

/**
 * Whether an allowlist lets an address in. An empty list lets in everything; a malformed address is let in by
 * nothing but an empty list.
 *
 * @param allowlist - CIDR ranges; one that can't be read matches nothing.
 */
export function isAllowed(allowlist: readonly string[], address: string | undefined): boolean {
  if (allowlist.length === 0) return true;
  const parsed = parseAddress(address);
  if (!parsed) return false;
  return allowlist.some((range) => contains(range, parsed));
}

function contains(range: string, address: Address): boolean {
  const parsed = parseRange(range);
  // The texts of the two families never meet.
  return (
    parsed !== undefined && maskAddress(address, parsed.prefix) === maskAddress(parsed.address, parsed.prefix)
  );
}

function parseRange(range: string): { address: Address; prefix: number } | undefined {
  const [text = "", length, ...rest] = range.split("/");
  const address = parseAddress(text);
  if (!address || rest.length > 0) return undefined;
  const width = address.kind() === "ipv4" ? 32 : 128;
  if (length === undefined) return { address, prefix: width };
  if (!/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  // ::ffff:10.0.0.0/104 and 10.0.0.0/8 are one range. Of the other prefixes of translators only those of 96 bits are read.
  const mapped = width === 32 && text.includes(":");
  const prefix = Number(length) - (mapped ? 96 : 0);
  return prefix >= 0 && prefix <= width ? { address, prefix } : undefined;
}

function parseAddress(address: string | undefined): Address | undefined {
  if (!address || address.length > 45 || address.includes("%")) return undefined;
  if (!address.includes(":") && !canonicalIPv4.test(address)) return undefined;
  if (!ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.parse(address);
  const client = parsed.kind() === "ipv6" ? translatedIPv4(parsed.toByteArray()) : undefined;
  return client ? ipaddr.fromByteArray(client) : parsed;
}

function maskAddress(address: Address, prefix: number): string {
  const bytes = address.toByteArray().map((byte, index) => byte & byteMask(prefix - index * 8));
  return ipaddr.fromByteArray(bytes).toString();
}

function byteMask(bits: number): number {
  return (0xff00 >> Math.max(0, Math.min(bits, 8))) & 0xff;
}
