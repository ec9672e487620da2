import { describe, expect, it } from "vitest";
import { commonPasswords } from "../src/core/weak-passwords/common-list.js";
import { weaknessOf } from "../src/core/weak-passwords/weakness.js";

describe("the list of common passwords", () => {
  it("has twice the 3,000 that ASVS 6.2.4 asks for, sorted, each once", () => {
    const { bytes, hashes } = commonPasswords;
    const hex =
      Buffer.from(hashes, "base64")
        .toString("hex")
        .match(new RegExp(`.{${2 * bytes}}`, "g")) ?? [];
    expect(hex.length).toBe(6_000);
    expect(hex).toEqual([...new Set(hex)].sort());
  });

  it.each([
    "123456789987654321",
    "1qaz2wsx3edc4rfv",
    "qwertyuiop12345",
    "passwordpassword",
    "PASSWORDPASSWORD",
    "perasperaadastra",
    "1234567890qwerty!!!",
    "1234567890qwerty",
    "30secondstomars",
    "perasperaadastra2024",
  ])("has %s", (password) => {
    expect(weaknessOf(password, [])).toBe("common");
  });
});

describe("a password of one part", () => {
  it.each([
    "%%%%%%%%%%%%%%%",
    "xq7xq7xq7xq7xq7x",
    "a1b2c3!a1b2c3!a1",
    "\u{1f600}\u{1f601}\u{1f600}\u{1f601}\u{1f600}\u{1f601}\u{1f600}\u{1f601}\u{1f600}\u{1f601}\u{1f600}\u{1f601}\u{1f600}\u{1f601}\u{1f600}",
    "ghijklmnopqrstuvwxyzabc",
    "43210987654321098",
  ])("is refused: %s", (password) => {
    expect(weaknessOf(password, [])).toBe("repetitive");
  });

  it("is a password when the part is", () => {
    expect(weaknessOf("horsefly horsefly", [])).toBeUndefined();
  });
});

describe("words of the context", () => {
  const ada = ["Nordwind Energie", "id.nordwind.example", "ada.lovelace", "countess", "Ada Lovelace"];

  it.each([
    "nordwind-energie",
    "Nordwind Energie 2026!",
    "N0rdw1nd3n3rg!e",
    "ada.lovelace@nordwind",
    "LovelaceAda1815",
    "countesscountess",
    "AdaLovelaceAdaLovelace",
    "l o v e l a c e . a d a",
  ])("are no password: %s", (password) => {
    expect(weaknessOf(password, ada)).toBe("context");
  });

  it.each([
    "lovelace likes green engines",
    "nordwind blows through my hair",
    "correct horse battery staple",
    "Tr0ub4dor&3-Tr0ub4dor",
  ])("may be part of one: %s", (password) => {
    expect(weaknessOf(password, ada)).toBeUndefined();
  });

  it("are found in other scripts and forms", () => {
    expect(
      weaknessOf("\u041c\u0410\u0428\u0410 \u043f\u0435\u0442\u0440\u043e\u0432\u0430 12", [
        "\u041c\u0430\u0448\u0430 \u041f\u0435\u0442\u0440\u043e\u0432\u0430",
      ]),
    ).toBe("context");
    expect(weaknessOf("\uff4e\uff4f\uff52\uff44\uff57\uff49\uff4e\uff44 1234567", ada)).toBe("context");
  });

  it("of one or two letters refuse nothing", () => {
    expect(weaknessOf("xo jo jo xo jo xo", ["jo", "xo", "Li"])).toBeUndefined();
  });
});
