import { defineModels } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";
import { guideOf, runGuide } from "../guide-program.js";

const database = useTemporaryDatabase({ label: "providers_guide" });
const clients = { GOOGLE_ID: "a", GOOGLE_SECRET: "b", GITHUB_ID: "c", GITHUB_SECRET: "d" };

beforeAll(async () => {
  await createIndexes(defineModels(database.connection));
});

test("the guide's program registers, and its sign-in page has a button for each provider", async () => {
  const { program } = await guideOf("sign-in-with-others");
  const after = `
    const page = await app.inject({ url: "/account/sign-in", headers: { host: "id.example.com", accept: "text/html" } });

    console.log(JSON.stringify([...page.body.replace(/<[^>]*>/g, " ").matchAll(/Continue with +(\\w+)/g)].map(([, name]) => name)));
    await app.close();
    await identity.close();
  `;
  const ran = await runGuide(program + after, { MONGODB_URI: database.uri, ...clients });
  expect(ran).toEqual({ code: 0, lines: ['["Google","GitHub","Acme"]'] });
});
