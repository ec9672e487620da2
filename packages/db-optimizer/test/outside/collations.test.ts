// Collations. Sources: MongoDB's collator_factory_icu.cpp, which fills in what a locale's ICU rules set and refuses options
// that have no effect; Automattic/mongoose #8994 (a collation given in part differs from the reported one for ever).
// Input: declarations of languages whose rules normalize (Greek, Hebrew, Hindi, Thai, Vietnamese) or put capitals first
// (Danish). Right: an index that the server has as it was declared is no difference, a build sends what was declared, and
// what the server refuses is said before anything is sent.
import mongoose, { Schema } from "mongoose";
import { expect, test } from "vitest";
import type { Document } from "../../src/core/model.js";
import { canonicalCollation } from "../../src/indexes/collation.js";
import { createIndexEntry } from "../../src/indexes/command.js";
import { declaredIndexes } from "../../src/indexes/declared.js";
import { canonicalIndex, optionTexts } from "../../src/indexes/spec.js";

const reported = {
  caseLevel: false,
  caseFirst: "off",
  strength: 3,
  numericOrdering: false,
  alternate: "non-ignorable",
  maxVariable: "punct",
  normalization: false,
  backwards: false,
  version: "57.1",
};

test.each<[string, Document, Document]>([
  ["Vietnamese", { locale: "vi", strength: 1 }, { normalization: true }],
  ["Greek", { locale: "el", strength: 2 }, { normalization: true }],
  ["Thai", { locale: "th" }, { normalization: true, alternate: "shifted" }],
  ["Danish, by accents", { locale: "da", strength: 2, caseFirst: "off" }, {}],
  ["German in telephone books", { locale: "de@collation=phonebook" }, {}],
])(
  "%s: what the server reports is what was declared, and that is what is sent",
  (_what, collation, filledIn) => {
    const declared = canonicalIndex("people", { name: 1 }, { collation });
    const found = canonicalIndex(
      "people",
      { name: 1 },
      { collation: { ...reported, ...filledIn, ...collation } },
    );
    expect(optionTexts(declared)).toEqual(optionTexts(found));
    expect(createIndexEntry(declared, null).collation).toEqual(collation);
    expect(canonicalCollation(collation)).toEqual(found.collation);
  },
);

let models = 0;
function problems(collation: object, of: object = {}): string {
  models += 1;
  const schema = new Schema({ name: String }, of as never);
  schema.index({ name: 1 }, { collation } as never);
  const { faults } = declaredIndexes([mongoose.createConnection().model(`Collated${models}`, schema)]);
  return faults.map(({ message }) => message).join();
}

test.each<[string, object, RegExp]>([
  [
    "Danish that ignores case",
    { locale: "da", strength: 2 },
    /caseFirst is upper, and strength 2 ignores case/,
  ],
  ["Canadian French by letters", { locale: "fr_CA", strength: 1 }, /backwards, which strength 1/],
  ["a language tag of browsers", { locale: "en-US" }, /locale is en-US: MongoDB writes en_US/],
  ["a misspelt option", { locale: "en", strenght: 2 }, /a collation has no option strenght/],
  ["a strength as text", { locale: "en", strength: "2" }, /strength is "2": it must be 1, 2, 3, 4 or 5/],
  [
    "a number for a flag",
    { locale: "en", numericOrdering: 1 },
    /numericOrdering is 1: it must be true or false/,
  ],
  ["simple with a strength", { locale: "simple", strength: 2 }, /whose locale is simple has no other option/],
  ["no locale", { strength: 2 }, /names no locale/],
])("refused by the server: %s", (_what, collation, message) => {
  expect(problems(collation)).toMatch(message);
});

test.each<[string, object]>([
  ["case-insensitive English", { locale: "en", strength: 2 }],
  ["Danish with the case of letters told apart", { locale: "da", strength: 1, caseLevel: true }],
  ["binary comparison", { locale: "simple" }],
  ["one that the server reported", { locale: "en", ...reported }],
])("taken by the server: %s", (_what, collation) => {
  expect(problems(collation)).toBe("");
});
