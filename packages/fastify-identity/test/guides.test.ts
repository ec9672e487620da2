import { defineModels } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";
import { guideOf, runGuide } from "./guide-program.js";

const database = useTemporaryDatabase({ label: "guides" });

beforeAll(async () => {
  await createIndexes(defineModels(database.connection));
});

test.each([
  ["sign-in-challenges", ["wrong_code", "true", "used"]],
  ["risk-in-your-app", [/^allow /, /^(challenge|deny) /]],
  ["test-your-app", ["email_verification", "200", "401"]],
])("the program of %s does what the guide says", async (name, printed) => {
  await database.connection.collection("users").deleteMany({});
  const { program } = await guideOf(name);
  const { code, lines } = await runGuide(program, { MONGODB_URI: database.uri });
  expect({ code, lines }).toEqual({
    code: 0,
    lines: printed.map((line) => (typeof line === "string" ? line : expect.stringMatching(line))),
  });
});
