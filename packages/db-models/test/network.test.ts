import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import {
  addressBytes,
  addressText,
  canonicalAddress,
  canonicalClientAddress,
  canonicalRange,
  isAllowed,
  networkBytes,
  networkOf,
} from "../src/core/network.js";

const v4 = fc.ipV4();
const v6 = fc.ipV6();

describe("canonicalAddress", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:C000:0201", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::", "::"],
    // RFC 6052, RFC 7915 and RFC 8215: behind a translator an IPv6 address stands for one IPv4 client.
    ["64:ff9b::192.0.2.1", "192.0.2.1"],
    ["::ffff:0:192.0.2.1", "192.0.2.1"],
    ["64:ff9b:1:fffe::c000:201", "192.0.2.1"],
    ["64:ff9b:1:c000:2:100::", "192.0.2.1"],
    ["64:ff9b:2::c000:201", "64:ff9b:2::c000:201"],
  ])("reads %s as %s", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    "0177.0.0.1",
    "010.0.0.1",
    "1.2.3",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "1.2.3.4.5",
    "256.0.0.1",
    "fe80::1%eth0",
    "1.2.3.4 ",
    // Text that begins as an address and continues in another base.
    "1.2.3.04",
    "1.2.3.0x4",
    "",
    "localhost",
    "::1::",
    `${"1".repeat(60)}`,
    undefined,
  ])("refuses %j", (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it("reads the longest spelling that there is", () => {
    const longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
    expect(longest).toHaveLength(45);
    expect(canonicalAddress(longest)).toBe("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  });

  it("is idempotent", () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (address) => {
        const canonical = canonicalAddress(address);
        if (canonical) expect(canonicalAddress(canonical)).toBe(canonical);
      }),
    );
  });
});

describe("canonicalClientAddress", () => {
  // As RFC 7239 section 6, load balancers (Azure's, IIS, HAProxy) and sockets write a client's address.
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    [" 192.0.2.1 ", "192.0.2.1"],
    ["192.0.2.1:47011", "192.0.2.1"],
    ["[2001:DB8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ['"[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"],
    ["2001:db8::1:443", "2001:db8::1:443"],
    ["fe80::1%eth0", "fe80::1"],
    ["[fe80::1%25eth0]:80", "fe80::1"],
    ["[fe80::1%eth0]:80", "fe80::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["[::ffff:192.0.2.1]:80", "192.0.2.1"],
    ["64:ff9b::c000:201", "192.0.2.1"],
    ["192.0.2.1:", undefined],
    ["192.0.2.1:x", undefined],
    ["192.0.2.1:123456", undefined],
    ["[192.0.2.1", undefined],
    ["0177.0.0.1:80", undefined],
    ["unknown", undefined],
    ["_hidden", undefined],
    ["192.0.2.1, 198.51.100.7", undefined],
    // Quotes, zones and ports that are not where they belong.
    ['1"92.0.2.1"', undefined],
    ['"192.0.2.1"0', undefined],
    ["fe80::1%eth0:2", undefined],
    ["[2001:db8::1]:65535", "2001:db8::1"],
    ["[2001:db8::1]:port", undefined],
    ["[2001:db8::1]:443x", undefined],
    ["192.0.2.1:80x", undefined],
    ["192.0.2.1".padStart(128), "192.0.2.1"],
    ["192.0.2.1".padStart(129), undefined],
    ["", undefined],
    [undefined, undefined],
  ])("reads %j as %j", (text, canonical) => {
    expect(canonicalClientAddress(text)).toBe(canonical);
  });

  it("reads every address with and without a port alike, and a canonical one as itself", () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), fc.nat({ max: 65_535 }), (address, port) => {
        const canonical = canonicalAddress(address);
        const written = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
        expect(canonicalClientAddress(written)).toBe(canonical);
        if (canonical) expect(canonicalClientAddress(canonical)).toBe(canonical);
      }),
    );
  });
});

describe("networkOf", () => {
  it.each([
    ["203.0.113.77", "203.0.113.0/24"],
    ["::ffff:203.0.113.77", "203.0.113.0/24"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["64:ff9b::203.0.113.77", "203.0.113.0/24"],
    ["not an address", undefined],
  ])("of %s is %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe("isAllowed", () => {
  it.each<[allowlist: string[], address: string | undefined, allowed: boolean]>([
    [[], "192.0.2.1", true],
    [[], undefined, true],
    [["192.0.2.0/24"], "192.0.2.255", true],
    [["192.0.2.0/24"], "192.0.3.0", false],
    [["192.0.2.1"], "192.0.2.1", true],
    [["198.51.100.0/24", "junk", "192.0.2.0/24"], "192.0.2.1", true],
    [["192.0.2.1/32"], "192.0.2.2", false],
    [["0.0.0.0/0"], "8.8.8.8", true],
    [["0.0.0.0/0"], "::1", false],
    [["::/0"], "2001:db8::1", true],
    [["::/0"], "8.8.8.8", false],
    [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
    [["::ffff:10.0.0.0/104"], "10.1.2.3", true],
    [["::ffff:10.0.0.0/90"], "10.1.2.3", false],
    [["2001:db8::/64"], "2001:db8::ffff", true],
    [["2001:db8::/64"], "2001:db8:0:1::", false],
    [["2001:db8::1/128"], "2001:0db8::0001", true],
    [["192.0.2.0/25"], "192.0.2.127", true],
    [["192.0.2.0/25"], "192.0.2.128", false],
    [["192.0.2.0/33"], "192.0.2.0", false],
    [["192.0.2.0/-1"], "192.0.2.0", false],
    [["192.0.2.0/024"], "192.0.2.0", false],
    [["192.0.2.0/24/24"], "192.0.2.0", false],
    [["junk", ""], "192.0.2.0", false],
    [["192.0.2.0/24"], undefined, false],
    [["192.0.2.0/24"], "0300.0.2.1", false],
  ])("%j for %s: %s", (allowlist, address, allowed) => {
    expect(isAllowed(allowlist, address)).toBe(allowed);
  });

  it("lets in exactly what has the range's first bits, of its own family", () => {
    // By arithmetic on the whole number, not byte by byte as the code does it.
    const familyOf = (bytes: number[]) => ({
      text: canonicalAddress(ipaddr.fromByteArray(bytes).toString()) ?? "",
      bits: BigInt(bytes.length * 8),
      number: bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n),
    });
    const bytes = fc.oneof(
      ...[4, 16].map((length) => fc.array(fc.nat({ max: 255 }), { minLength: length, maxLength: length })),
    );
    const seen = { in: 0, out: 0 };
    fc.assert(
      fc.property(bytes, fc.nat(), fc.nat(), bytes, fc.boolean(), (base, length, flip, other, near) => {
        const range = familyOf(base);
        const prefix = BigInt(length) % (range.bits + 1n);
        // Half of the addresses differ from the range's in one bit, which is where mistakes are.
        const bit = flip % (base.length * 8);
        const flipped = base.map((byte, index) => (index === bit >> 3 ? byte ^ (0x80 >> (bit & 7)) : byte));
        const address = familyOf(near ? flipped : other);
        const expected =
          address.bits === range.bits &&
          address.number >> (range.bits - prefix) === range.number >> (range.bits - prefix);
        expect(isAllowed([`${range.text}/${prefix}`], address.text)).toBe(expected);
        seen[expected ? "in" : "out"] += 1;
        if (range.bits === 32n && address.bits === 32n) {
          const mapped = `::ffff:${range.text}/${prefix + 96n}`;
          expect(isAllowed([mapped], `::ffff:${address.text}`)).toBe(expected);
        }
      }),
      { seed: 20_961_126, numRuns: 1_000 },
    );
    expect(Math.min(seen.in, seen.out)).toBeGreaterThan(100);
  });

  it("reads anything arbitrary without throwing, and lets no junk in", () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(v4, v6), (junk, address) => {
        if (canonicalRange(junk) === undefined) expect(isAllowed([junk], address)).toBe(false);
        if (canonicalAddress(junk) === undefined) expect(isAllowed(["0.0.0.0/0", "::/0"], junk)).toBe(false);
      }),
    );
  });

  it("lets every address into its own network, and into the range of its canonical text", () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (address) => {
        const network = networkOf(address);
        if (!network) return;
        expect(isAllowed([network], address)).toBe(true);
        expect(canonicalRange(network)).toBe(network);
        expect(isAllowed([canonicalRange(address) ?? ""], address)).toBe(true);
      }),
    );
  });
});

describe("the bytes of an address", () => {
  it.each([
    ["192.0.2.1", "c0000201", "c00002"],
    ["::ffff:192.0.2.1", "c0000201", "c00002"],
    ["2001:db8:1:2:3:4:5:6", "20010db8000100020003000400050006", "20010db800010002"],
  ])("of %s are %s, and of its network %s", (text, bytes, network) => {
    const found = addressBytes(text) as Buffer;
    expect([found.toString("hex"), networkBytes(found).toString("hex")]).toEqual([bytes, network]);
    expect(addressText(found)).toBe(canonicalAddress(text));
  });

  it.each(["", undefined, "localhost", "192.0.2"])("are none of %j", (text) => {
    expect(addressBytes(text)).toBeUndefined();
  });
});
