import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineModels } from "@org/db-models";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { beforeAll, expect, test } from "vitest";

const database = useTemporaryDatabase({ label: "providers_guide" });
const clients = { GOOGLE_ID: "a", GOOGLE_SECRET: "b", GITHUB_ID: "c", GITHUB_SECRET: "d" };
const folderOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

beforeAll(async () => {
  await Promise.all(Object.values(defineModels(database.connection)).map((model) => model.createIndexes()));
});

test("the guide's program registers, and its sign-in page has a button for each provider", async () => {
  const guide = await readFile(folderOf("../../../../docs/guides/sign-in-with-others.md"), "utf8");
  const program = /^```ts\n([\s\S]*?)^```$/m.exec(guide)?.[1] ?? "";
  const after = `
    const page = await app.inject({ url: "/account/sign-in", headers: { host: "id.example.com", accept: "text/html" } });

    console.log(JSON.stringify([...page.body.replace(/<[^>]*>/g, " ").matchAll(/Continue with +(\\w+)/g)].map(([, name]) => name)));
    await app.close();
    await identity.close();
  `;
  await mkdir(folderOf("../../reports/"), { recursive: true });
  const folder = await mkdtemp(join(folderOf("../../reports/"), "guide-"));
  try {
    await writeFile(join(folder, "app.ts"), program + after);
    const child = spawn(
      process.execPath,
      ["--conditions=@org/source", "--import", "tsx", join(folder, "app.ts")],
      {
        cwd: folderOf("../../../../"),
        env: { ...process.env, MONGODB_URI: database.uri, ...clients },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, "close");
    expect([code, output.trim()]).toEqual([0, '["Google","GitHub","Acme"]']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
