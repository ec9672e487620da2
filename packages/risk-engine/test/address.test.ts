import { describe, expect, it } from "vitest";
import { addressKeys } from "../src/address.js";
import { splitVersion } from "../src/user-agent.js";

describe("addresses", () => {
  it.each([
    ["8.8.4.4", "8.8.4.4", "8.8.4.0/24"],
    ["2A02:0:0:1::9", "2a02:0:0:1:0:0:0:9", "2a02:0:0:1::/64"],
    ["2a02::1:2:3:4", "2a02:0:0:0:1:2:3:4", "2a02:0:0:0::/64"],
    ["::ffff:8.8.4.4", "8.8.4.4", "8.8.4.0/24"],
    ["64:ff9b::8.8.4.4", "8.8.4.4", "8.8.4.0/24"],
    ["64:ff9b:1:fffe::8.8.4.4", "8.8.4.4", "8.8.4.0/24"],
    ["64:ff9b:2::8.8.4.4", "64:ff9b:2:0:0:0:808:404", "64:ff9b:2:0::/64"],
  ])("%s", (text, ip, prefix) => {
    expect(addressKeys(text)).toEqual({ ip, prefix });
  });

  it.each([
    "",
    "8.8.4",
    "8.8.4.4.4",
    "08.8.4.4",
    "256.8.4.4",
    "8.8.4.-1",
    "0x8.8.4.4",
    "8.8.4.4 ",
    "2a02",
    "2a02:::1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "2a02::g",
    "fe80::1%eth0",
    "10.1.2.3",
    "127.0.0.1",
    "172.16.0.1",
    "172.31.9.9",
    "192.168.1.1",
    "169.254.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::",
    "::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    null,
    5,
    {},
  ])("%j is none to compare", (text) => {
    expect(addressKeys(text)).toBeUndefined();
  });

  it.each(["172.32.0.1", "100.128.0.1", "11.0.0.1", "192.169.0.1"])("%s is public", (text) => {
    expect(addressKeys(text)?.ip).toBe(text);
  });
});

it.each([
  ["Chrome 120.0.6099.71", "Chrome", 120],
  ["Chrome/120", "Chrome", 120],
  ["Mac OS X 10.15", "Mac OS X", 10],
  ["Samsung Internet", "Samsung Internet", 0],
  ["1", "1", 0],
])("%s is split", (text, name, major) => {
  expect(splitVersion(text)).toEqual({ name, major });
});
