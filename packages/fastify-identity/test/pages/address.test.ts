import { describe, expect, test } from "vitest";
import { shownAddress } from "../../src/pages/look/address.js";

describe("an address", () => {
  test.each([
    ["ada@example.com", "ada@example.com"],
    ["ada@xn--bcher-kva.example", "ada@bücher.example"],
    ["ada@xn--e1afmkfd.xn--p1ai", "ada@пример.рф"],
    ["ada@xn--r8jz45g.xn--zckzah", "ada@例え.テスト"],
    ["ada@mail.xn--bcher-kva.example", "ada@mail.bücher.example"],
    // A Cyrillic a among Latin letters.
    ["ada@xn--pple-43d.com", "ada@xn--pple-43d.com"],
    // Not what it says that it is.
    ["ada@xn--a.com", "ada@xn--a.com"],
  ])("%s is shown as %s", (stored, shown) => {
    expect(shownAddress(stored)).toBe(shown);
  });
});
