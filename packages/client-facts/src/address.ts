/**
 * The IPv4 address that an IPv6 address stands for, byte by byte; `undefined` when it stands for itself.
 *
 * - `::ffff:0:0/96`, IPv4-mapped (RFC 4291 section 2.5.5.2)
 * - `::ffff:0:0:0/96`, IPv4-translated, of stateless translators (RFC 2765, used by SIIT of RFC 7915)
 * - `64:ff9b::/96`, the well-known prefix of NAT64 and SIIT-DC (RFC 6052 section 2.1, RFC 7755)
 * - `64:ff9b:1::/48`, for translation within a network (RFC 8215), with a prefix of 48, 56, 64 or 96 bits of it; which
 *   one is told by the zeros, so an address that ends in zeros may be read as one of a shorter prefix
 *
 * Behind a translator each IPv4 client would else be of one /64 with all others.
 *
 * @param bytes - the sixteen bytes of an IPv6 address.
 */
export function translatedIPv4(bytes: readonly number[]): number[] | undefined {
  if (startsWith(bytes, mapped) || startsWith(bytes, translated) || startsWith(bytes, wellKnown)) {
    return bytes.slice(12);
  }
  return startsWith(bytes, local) ? localIPv4(bytes) : undefined;
}

/** RFC 6052 section 2.2: behind a prefix of 48, 56 or 64 bits the address goes around octet 8, and zeros follow it. */
function localIPv4(bytes: readonly number[]): number[] {
  const last = bytes.findLastIndex((byte) => byte !== 0);
  if (bytes[8] !== 0 || last > 12 || last < 6) return bytes.slice(12);
  const before = last === 12 ? 0 : last === 11 ? 1 : 2;
  return [...bytes.slice(8 - before, 8), ...bytes.slice(9, 13 - before)];
}

const zeros = (count: number) => new Array<number>(count).fill(0);
const mapped = [...zeros(10), 0xff, 0xff];
const translated = [...zeros(8), 0xff, 0xff, 0, 0];
const wellKnown = [0x00, 0x64, 0xff, 0x9b, ...zeros(8)];
const local = [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01];

function startsWith(bytes: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}
