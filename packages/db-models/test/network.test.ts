import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, canonicalRange, isAllowed, networkOf } from "../src/network.js";

const v4 = fc.ipV4();
const v6 = fc.ipV6();

describe("canonicalAddress", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:C000:0201", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::", "::"],
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
    "",
    "localhost",
    "::1::",
    `${"1".repeat(60)}`,
    undefined,
  ])("refuses %j", (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
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

describe("networkOf", () => {
  it.each([
    ["203.0.113.77", "203.0.113.0/24"],
    ["::ffff:203.0.113.77", "203.0.113.0/24"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
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
