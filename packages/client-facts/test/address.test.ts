import { expect, it } from "vitest";
import { translatedIPv4 } from "../src/index.js";

/** The bytes of eight groups. */
const bytes = (text: string) =>
  text.split(":").flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);

// RFC 6052 section 2.4 has 192.0.2.33 behind prefixes of each length; RFC 8215 gives the local prefix.
it.each([
  ["0:0:0:0:0:ffff:c000:221", "192.0.2.33"],
  ["0:0:0:0:ffff:0:c000:221", "192.0.2.33"],
  ["64:ff9b:0:0:0:0:c000:221", "192.0.2.33"],
  ["64:ff9b:1:c000:2:2100:0:0", "192.0.2.33"],
  ["64:ff9b:1:ffc0:0:221:0:0", "192.0.2.33"],
  ["64:ff9b:1:ffff:c0:2:2100:0", "192.0.2.33"],
  ["64:ff9b:1:fffe:0:0:c000:221", "192.0.2.33"],
  ["64:ff9b:2:0:0:0:c000:221", undefined],
  ["2001:db8:0:0:0:0:c000:221", undefined],
  ["0:0:0:0:0:0:c000:221", undefined],
  ["0:0:0:0:0:0:0:1", undefined],
])("%s stands for %s", (text, client) => {
  expect(translatedIPv4(bytes(text))?.join(".")).toBe(client);
});
