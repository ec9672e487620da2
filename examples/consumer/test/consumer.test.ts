import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { basename, join } from "node:path";
import { openIdentity } from "@org/db-models";
import { type TemporaryDatabase, temporaryDatabase } from "@org/dev-kit";
import type {} from "@org/dev-kit/vitest";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

import { type PackageName, published } from "../src/packages.js";
import { createProject, type Project } from "./project.js";
import { type Snippet, snippetsOf } from "./snippets.js";

const readmes = await Promise.all(
  Object.values(published).map(async (folder) => ({
    label: basename(folder),
    text: await readFile(join(folder, "README.md"), "utf8"),
  })),
);
const snippets = readmes.flatMap(({ label, text }) => snippetsOf(label, text));
const named = (kind: Snippet["kind"]) => snippets.filter((snippet) => snippet.kind === kind);

// With the declarations lost, everything would be any and every snippet would compile.
const typeChecks = `
import { defineConfig } from "@org/db-cli";
import { openDatabase } from "@org/db-models";
import { DatabaseOptimizer } from "@org/db-optimizer";
import { identityPlugin } from "@org/fastify-identity";
import { identityHandlers } from "@org/fastify-identity/handlers";
import { assess } from "@org/risk-engine";
import { fastify } from "fastify";

// @ts-expect-error: a number is no connection string
export const database = () => openDatabase(42);
// @ts-expect-error: an optimizer needs a connection
export const optimizer = () => new DatabaseOptimizer();
// @ts-expect-error: an attempt has a time
export const judgement = assess({ profile: null, attempt: {} });
// @ts-expect-error: a plugin has an issuer
export const plugin = fastify().register(identityPlugin, { identity: {} });
// @ts-expect-error: a requirement has no such member
export const route = () => fastify().get("/", { config: { identity: { colour: "red" } } }, () => "");
// @ts-expect-error: handlers have an issuer
export const handlers = () => identityHandlers({});
// @ts-expect-error: there is no such key
export const config = defineConfig({ models: () => [], colour: "red" });
`;

let project: Project;
const databases: TemporaryDatabase[] = [];

beforeAll(async () => {
  project = await createProject({
    ...Object.fromEntries(snippets.map(({ name, code }) => [`${name}.ts`, code])),
    "type-checks.ts": typeChecks,
  });
});

afterAll(async () => {
  await Promise.all(databases.map((database) => database.drop()));
  await project?.remove();
});

function ownDatabase(label: string): string {
  const database = temporaryDatabase({ uri: inject("engine").uri, label });
  databases.push(database);
  return database.uri;
}

/** A database of its own with the indexes of the models. */
async function setUp(label: string): Promise<string> {
  const uri = ownDatabase(label);
  const identity = await openIdentity(uri);
  await Promise.all(Object.values(identity.models).map((model) => model.createIndexes()));
  await identity.close();
  return uri;
}

const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

test("snippets are the ts blocks under the heading Use, and no others", () => {
  const readme =
    "## Install\n```ts\na\n```\n## Use\n```ts\nb\n```\n```sh\nc\n```\n```ts\nexport default d\n```\n";
  expect(snippetsOf("it", `${readme}### More\n\`\`\`ts\ne\n\`\`\`\n`)).toEqual([
    { name: "it-1", code: "b\n", kind: "program" },
    { name: "it-2", code: "export default d\n", kind: "configuration" },
  ]);
});

test("every published package shows its use", () => {
  const shown = new Set(snippets.map(({ name }) => name.replace(/-\d+$/, "")));
  expect([...shown]).toEqual(readmes.map(({ label }) => label));
});

test.each(Object.keys(published) as PackageName[])(
  "%s is installed whole, and without its sources",
  async (name) => {
    const folder = join(project.folder, "node_modules", name);
    const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
      version: string;
      dependencies: Record<string, string>;
    };
    expect(Object.values(manifest.dependencies).join(" ")).not.toMatch(/workspace:|catalog:/);
    await expect(readFile(join(folder, "LICENSE"), "utf8")).resolves.toContain("MIT");
    await expect(readFile(join(folder, "README.md"), "utf8")).resolves.toContain(`# ${name}`);
    await expect(readFile(join(folder, "src/index.ts"))).rejects.toThrow("ENOENT");
  },
);

// A tab or a worker that reads a token or a code must not carry the driver, or all of us.
test.each([
  ["parseToken", "@org/db-models/core", []],
  ["parseScopes", "@org/db-models", ["zod"]],
  ["errorKinds", "@org/db-models", []],
  ["errorKinds", "@org/db-optimizer", []],
  ["progressText", "@org/db-optimizer/jobs", []],
  ["publicReason", "@org/risk-engine", []],
  ["exitCodes", "@org/db-cli", []],
  ["problemCodes", "@org/fastify-identity", ["zod"]],
] as const)("a bundler that is asked for %s of %s leaves the rest out", async (name, entry, packages) => {
  const contents = `import { ${name} } from "${entry}"; console.log(${name});`;
  const { metafile } = await build({
    stdin: { contents, resolveDir: project.folder },
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["mongoose", "zod", "fastify", "@node-rs/*"],
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  const imported = output?.imports.map(({ path }) => path).filter((path) => !isBuiltin(path));
  expect(imported).toEqual([...packages]);
  expect(output?.bytes).toBeLessThan(9_216);
});

test("everything compiles under the strictest settings", () => {
  expect(project.compilation).toEqual({ status: 0, stdout: "", stderr: "" });
});

test.each(named("program"))("the program $name does what its README says", async ({ name }) => {
  const { status, stdout, stderr } = await project.runProgram(name, ownDatabase(name));
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.trim()).not.toBe("");
});

test("the server of the README is at most fifteen lines: sign-up, sign-in, guards, sign-out", async () => {
  const [server] = named("server");
  const lines = server?.code.split("\n").filter((line) => line.trim() !== "") ?? [];
  expect(lines.length).toBeLessThanOrEqual(15);
  const { address, stop } = await project.startServer(server?.name ?? "", await setUp("server"));
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(`${address}${path}`, {
      method,
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  try {
    const [email, password] = ["ada@example.com", "correct horse battery"];
    expect((await ask("POST", "/v1/users", {}, { email, password })).status).toBe(201);
    const signedIn = await ask("POST", "/v1/sessions", browser, { identifier: email, password });
    expect(signedIn.status).toBe(201);
    const cookie = signedIn.headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; ");
    expect((await ask("GET", "/me")).status).toBe(401);
    expect((await ask("GET", "/me", { cookie })).status).toBe(200);
    const made = await ask("POST", "/v1/api-keys", { cookie }, { name: "build", scopes: ["orders:read"] });
    const { key } = (await made.json()) as { key: string };
    expect((await ask("GET", "/orders", { "x-api-key": key })).status).toBe(200);
    expect((await ask("GET", "/me", { "x-api-key": key })).status).toBe(403);
    expect((await ask("DELETE", "/v1/session", { cookie })).status).toBe(204);
    expect((await ask("GET", "/me", { cookie })).status).toBe(401);
  } finally {
    await stop();
  }
});

test.each(named("configuration"))("the installed org-db sets up a database by $name", async ({ name }) => {
  const uri = ownDatabase(name);
  const orgDb = async (...args: string[]) => {
    const { status, stderr } = await project.runBin("org-db", [...args, "--config", `src/${name}.ts`], uri);
    return { status, stderr };
  };
  expect((await orgDb("plan")).status).toBe(2);
  expect((await orgDb("setup")).status).toBe(0);
  expect(await orgDb("plan", "--json")).toEqual({ status: 0, stderr: "" });
});

test("the installed org-db tells its package's version", async () => {
  const manifest = JSON.parse(await readFile(join(published["@org/db-cli"], "package.json"), "utf8")) as {
    version: string;
  };
  const { status, stdout } = await project.runBin("org-db", ["--version"], inject("engine").uri);
  expect({ status, stdout }).toEqual({ status: 0, stdout: `${manifest.version}\n` });
});
