import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineModels } from "@org/db-models";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";

const database = useTemporaryDatabase({ label: "provider_guide" });
const folderOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

beforeAll(async () => {
  await Promise.all(Object.values(defineModels(database.connection)).map((model) => model.createIndexes()));
});

test("the guide's program is a provider with the endpoints that the guide lists", async () => {
  const guide = await readFile(folderOf("../../../../docs/guides/oauth.md"), "utf8");
  const program = /^```ts\n([\s\S]*?)^```$/m.exec(guide)?.[1] ?? "";
  const after = `
    const metadata = (await app.inject("/.well-known/openid-configuration")).json();
    const paths = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name)).map(([, url]) => new URL(String(url)).pathname);
    console.log(JSON.stringify([metadata.issuer, (await app.inject("/notes")).statusCode, ...paths]));
    await app.close();
    await identity.close();
  `;
  await mkdir(folderOf("../../reports/"), { recursive: true });
  const folder = await mkdtemp(join(folderOf("../../reports/"), "guide-"));
  try {
    await writeFile(join(folder, "app.ts"), program + after);
    const flags = ["--conditions=@org/source", "--import", "tsx", join(folder, "app.ts")];
    const env = { ...process.env, MONGODB_URI: database.uri, SEAL_KEY: "k".repeat(43) };
    const child = spawn(process.execPath, flags, {
      cwd: folderOf("../../../../"),
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, "close");
    const [issuer, refused, ...paths] = JSON.parse(output.trim().split("\n").at(-1) ?? "[]");
    expect([code, issuer, refused]).toEqual([0, "https://id.example.com", 401]);
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) expect(guide).toContain(`\`${path}\``);
  } finally {
    await rm(folder, { recursive: true });
  }
});
