// Reports about password checks of other projects: a list or a word that was passed by.
import { describe, expect, it } from "vitest";
import { weaknessOf } from "../../src/core/weak-passwords/weakness.js";

// keycloak #19305: entries of the list with upper case never matched, however the password was typed.
it.each(["PolniyPizdec0211", "polniypizdec0211", "POLNIYPIZDEC0211"])(
  "an entry with upper case: %s",
  (password) => {
    expect(weaknessOf(password, [])).toBe("common");
  },
);

// keycloak #52664: under a Turkish locale `I` became a dotless letter, and no entry with an `i` matched.
it("letters are folded alike under every locale", () => {
  expect(weaknessOf("QWERTYUIOP12345", [])).toBe("common");
  expect(weaknessOf("ISTIKLAL ISTIKLAL 1", ["istiklal"])).toBe("context");
});

// lithnet/ad-password-protection #66: the owner's names in other signs were accepted.
it("names spelt with digits and signs", () => {
  expect(weaknessOf("3ver+on 8runo 8ern@rdi", ["Everton Bruno Bernardi"])).toBe("context");
});

// lithnet/ad-password-protection #23: a sign at the beginning hid the word behind it.
it.each(["@ctivedirectory", "activedirect0ry", "Activedirectory!"])(
  "a word that begins with a sign: %s",
  (password) => {
    expect(weaknessOf(password, ["activedirectory"])).toBe("context");
  },
);

// lithnet/ad-password-protection #123: the word itself passed where its other spelling did not.
describe("words of a company", () => {
  const words = ["doctor", "dental"];

  it.each(["doctor-dental-24", "d0ct0r-d3nt@l-24", "DentalDoctorDental"])(
    "are no password: %s",
    (password) => {
      expect(weaknessOf(password, words)).toBe("context");
    },
  );

  it.each(["My Favorite Doctor is Dr Jim", "ihategoingtothedoctor"])("may be part of one: %s", (password) => {
    expect(weaknessOf(password, words)).toBeUndefined();
  });
});

// tine20 #3899: a rule against user names refused passwords that had a short one by chance.
it("a short name refuses nothing by chance", () => {
  expect(weaknessOf("also always tall walls", ["al"])).toBeUndefined();
  expect(weaknessOf("candles and sandals", ["and"])).toBeUndefined();
});
