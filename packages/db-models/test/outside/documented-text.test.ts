// A client may send every text that a document allows: fuzzers of OpenAPI documents (schemathesis and others) report "schema-valid
// requests refused", as for `format: email` that allows "" (zod #2205 and many after it). Right: whatever the JSON Schema of an
// input allows is accepted, for each text whose rule a pattern can say.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  apiKeyInputSchema,
  profileChangesSchema,
  registrationSchema,
  securityChangesSchema,
} from "../../src/index.js";

const { email, username, displayName } = registrationSchema.shape;
const { bio, company, location, language } = profileChangesSchema.shape;
const texts = {
  email,
  username: username.unwrap(),
  displayName: displayName.unwrap(),
  bio: bio.unwrap().unwrap(),
  company: company.unwrap().unwrap(),
  location: location.unwrap().unwrap(),
  language: language.unwrap(),
  range: securityChangesSchema.shape.ipAllowlist.unwrap().element,
  scope: apiKeyInputSchema.shape.scopes.in.element,
  keyName: apiKeyInputSchema.shape.name,
};

interface TextSchema {
  readonly pattern: string;
  readonly minLength?: number;
  readonly maxLength: number;
}

test.each(Object.entries(texts))("%s: what its JSON Schema allows is accepted", (name, schema) => {
  const {
    pattern,
    minLength = 0,
    maxLength,
  } = z.toJSONSchema(schema, { io: "input" }) as unknown as TextSchema;
  expect(pattern, name).toBeTypeOf("string");
  const allowed = fc
    // It makes no text for a lookahead, and is held to it afterwards.
    .stringMatching(new RegExp(pattern.replace(/\(\?=.*?@\)/, "")))
    .filter((text) => new RegExp(pattern).test(text))
    .filter((text) => [...text].length >= minLength && [...text].length <= maxLength)
    // UTS 46 has rules of its own for letters beyond ASCII, which no pattern can say.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is that of ASCII.
    .filter((text) => name !== "email" || /^[\u0000-\u007f]*$/.test(text));
  fc.assert(
    fc.property(allowed, (text) => schema.safeParse(text).success),
    { seed: 28, numRuns: 500 },
  );
});

test.each([
  [
    "email",
    ["", "a", "a@", "@b.c", "a@b", "a..b@example.com", ".a@example.com", "a@-b.com", "a b@example.com"],
  ],
  ["username", ["", "ab", "-ab", "a b", "é"]],
  ["range", ["", "1.2.3", "01.2.3.4", "1.2.3.4/33", "::/129", "g::", "1:2:3:4:5:6:7:8:9"]],
  ["scope", ["", ":", "a::b", "*:a", "a b"]],
  ["displayName", ["", "   ", "a\u0000b"]],
] as const)("%s: its JSON Schema refuses what is refused", (name, refused) => {
  const { pattern, minLength = 0 } = z.toJSONSchema(texts[name], { io: "input" }) as unknown as TextSchema;
  for (const text of refused) {
    expect([text, texts[name].safeParse(text).success]).toEqual([text, false]);
    expect([text, new RegExp(pattern).test(text) && text.length >= minLength]).toEqual([text, false]);
  }
});
