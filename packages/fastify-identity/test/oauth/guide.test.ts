import { defineModels } from "@org/db-models";
import { createIndexes } from "@org/dev-kit";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";
import { guideOf, runGuide } from "../guide-program.js";

const database = useTemporaryDatabase({ label: "provider_guide" });

beforeAll(async () => {
  await createIndexes(defineModels(database.connection));
});

test("the guide's program is a provider with the endpoints that the guide lists", async () => {
  const { text, program } = await guideOf("oauth");
  const after = `
    const metadata = (await app.inject("/.well-known/openid-configuration")).json();
    const paths = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name)).map(([, url]) => new URL(String(url)).pathname);
    console.log(JSON.stringify([metadata.issuer, (await app.inject("/notes")).statusCode, ...paths]));
    await app.close();
    await identity.close();
  `;
  const { code, lines } = await runGuide(program + after, {
    MONGODB_URI: database.uri,
    SEAL_KEY: "k".repeat(43),
  });
  const [issuer, refused, ...paths] = JSON.parse(lines.at(-1) ?? "[]");
  expect([code, issuer, refused]).toEqual([0, "https://id.example.com", 401]);
  expect(paths.length).toBeGreaterThan(8);
  for (const path of paths) expect(text).toContain(`\`${path}\``);
});
