import { expect, test } from "vitest";
import { z } from "zod";
import { passkeyChanges } from "../src/routes/schemas/factors.js";

// Found by a fuzzer of the OpenAPI document: a name with a control character had the documented form and was refused as
// malformed. The document says what the database says.
test.each(["a\u0003b", "\u0094", " ", "", "x".repeat(129)])(
  "a passkey is not called %j, and the document says so",
  (name) => {
    expect(passkeyChanges.safeParse({ name }).success).toBe(false);
    const { properties } = z.toJSONSchema(passkeyChanges, { io: "input" });
    const documented = z.fromJSONSchema(properties?.name as never);
    expect(documented.safeParse(name).success).toBe(false);
  },
);
