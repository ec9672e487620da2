import { expect, test } from "vitest";
import { typedCode } from "../src/core/typed-codes.js";

test("every decimal digit of Unicode is read as its value", () => {
  const wrong: string[] = [];
  let digits = 0;
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
    if (codePoint >= 0xd800 && codePoint < 0xe000) continue;
    const char = String.fromCodePoint(codePoint);
    if (!/^\p{Nd}$/u.test(char)) continue;
    // Unicode keeps them in rows of ten, each from its zero.
    const value = String(digits % 10);
    if (typedCode(char) !== value) wrong.push(`U+${codePoint.toString(16)} is not ${value}`);
    digits += 1;
  }
  expect(digits).toBeGreaterThan(600);
  expect(wrong).toEqual([]);
});

test.each([
  ["123 456", "123456"],
  [" 12\u200b34\u00ad-\u2011\u2013\u2212 56\u202f\u3000", "123456"],
  ["ＡＢＣ１２３", "ABC123"],
  ["12a", "12a"],
  ["½", "1⁄2"],
  ["", ""],
])("%j is read as %j", (typed, code) => {
  expect(typedCode(typed)).toBe(code);
});
