// The reason of an administrator's act: what the document says of it is what is taken.
import { expect, test } from "vitest";
import { z } from "zod";
import { reason } from "../../src/admin/routes/schemas.js";

const stated = z.toJSONSchema(reason, { io: "input" });

/** As a client reads the document: lengths in code points. */
function isStated(text: string): boolean {
  const { minLength = 0, maxLength = 0, pattern = "" } = stated;
  const { length } = [...text];
  return length >= minLength && length <= maxLength && new RegExp(pattern, "u").test(text);
}

test.each([
  ["T-1", true],
  ["  ticket 4711  ", true],
  ["票号 4711", true],
  ["😀😀😀", true],
  ["😀".repeat(200), true],
  ["😀".repeat(201), false],
  ["x".repeat(201), false],
  ["ab", false],
  [" a ", false],
  ["", false],
  ["   ", false],
  ["\u200b\u200b\u200b", false],
  ["asked by ada@example.com", false],
  ["two\nlines", false],
  ["turned \u202e around", false],
  ["bell \u0007", false],
])("%j: %s", (text, isGood) => {
  expect(reason.safeParse(text).success).toBe(isGood);
  expect(isStated(text)).toBe(isGood);
});

test("half a character is refused", () => {
  expect(reason.safeParse("abc \ud800").success).toBe(false);
});
