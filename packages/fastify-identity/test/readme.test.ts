// The README's example, as somebody pastes it: it is short, it runs, and its curl commands do what is said of them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleChild } from "@org/dev-kit/children";
import { freePort } from "@org/dev-kit/free-port";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const database = useTemporaryDatabase({ label: "plugin_readme" });
const folderOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const readme = await readFile(folderOf("../README.md"), "utf8");
const example = /^```ts\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? "";
const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const account = { email: "ada@example.com", password: "correct horse battery" };

test("sign-up, sign-in, sign-out, a guard for sessions and one for API keys take at most fifteen lines", () => {
  const lines = example.split("\n").filter((line) => line.trim() !== "");
  expect(lines.length).toBeLessThanOrEqual(15);
  expect(example).toContain("identityPlugin");
});

/** Waits for a line; the log of the app is read on, so that it never waits for a reader. */
function isPrinted(output: NodeJS.ReadableStream, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: output });
    lines.on("line", (one) => one === line && resolve());
    lines.on("close", () => reject(new Error(`the example did not print ${line}`)));
  });
}

describe("the example that was pasted", () => {
  let folder: string;
  let child: ReturnType<typeof spawn>;
  let origin: string;

  beforeAll(async () => {
    const reports = folderOf("../reports/");
    await mkdir(reports, { recursive: true });
    folder = await mkdtemp(join(reports, "readme-"));
    const program = join(folder, "app.ts");
    const port = await freePort();
    await writeFile(program, example);
    child = spawn(process.execPath, [await bundleChild(pathToFileURL(program))], {
      cwd: folderOf("../../../"),
      env: { ...process.env, MONGODB_URI: database.uri, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    origin = `http://localhost:${port}`;
    await isPrinted(child.stdout as NodeJS.ReadableStream, origin);
  });
  afterAll(async () => {
    const exited = child && child.exitCode === null ? once(child, "exit") : undefined;
    child?.kill();
    await exited;
    await rm(folder, { recursive: true, force: true });
  });

  const call = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(`${origin}${path}`, {
      method,
      headers: { "user-agent": agent, ...(body && { "content-type": "application/json" }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });

  test("signs up and in, guards by session and by key, and signs out", async () => {
    expect((await call("POST", "/v1/users", {}, account)).status).toBe(201);
    const { email: identifier, password } = account;
    const signedIn = await call("POST", "/v1/sessions", {}, { identifier, password });
    expect(signedIn.status).toBe(201);
    const cookie = signedIn.headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; ");
    const { userId } = (await signedIn.json()) as { userId: string };
    expect(await (await call("GET", "/me", { cookie })).json()).toEqual({ user: userId });
    expect((await call("GET", "/me")).status).toBe(401);
    const scoped = await call("POST", "/v1/api-keys", { cookie }, { name: "k", scopes: ["orders:read"] });
    const { key } = (await scoped.json()) as { key: string };
    expect(await (await call("GET", "/orders", { "x-api-key": key })).json()).toEqual({ ordersOf: userId });
    expect((await call("GET", "/me", { "x-api-key": key })).status).toBe(403);
    expect((await call("DELETE", "/v1/session", { cookie })).status).toBe(204);
    expect((await call("GET", "/me", { cookie })).status).toBe(401);
  });
});
