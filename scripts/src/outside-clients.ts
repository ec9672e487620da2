/**
 * Signs in with clients of other languages that nobody here wrote: Python's Authlib, Django with python-social-auth and with
 * mozilla-django-oidc, Go's golang.org/x/oauth2 with go-oidc, Rust's openidconnect. Each is a program in `outside-clients`, and
 * is run against a provider on loopback. Takes names (`authlib`, `django`, `go`, `rust`); without any it takes all whose language
 * this machine has, and says which it lacks: in CI that is a failure.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type AppRegistration, type Identity, openIdentity } from "@org/db-models";
import { DatabaseInitializer } from "@org/db-optimizer";
import { startEngine, withDatabase } from "@org/dev-kit";
import { FormBrowser, signInAndAgree } from "@org/dev-kit/form-browser";
import { freePort } from "@org/dev-kit/free-port";
import { identityPlugin } from "@org/fastify-identity";
import { fastify } from "fastify";
import { type Model, Types } from "mongoose";
import { describeFailure, root, stopSignal } from "./engine.js";

const packages = {
  authlib: ["authlib==1.9.10", "flask==3.1.3", "requests==2.34.2"],
  django: [
    "django==5.2.19",
    "social-auth-app-django==8.0.0",
    "social-auth-core==7.0.0",
    "mozilla-django-oidc==5.0.2",
  ],
};
const folder = join(root, "scripts/src/outside-clients");
const cache = join(root, "node_modules/.cache/outside-clients");
const callback = "http://127.0.0.1:9/callback";
const resource = "https://notes.example.com/";
const person = { email: "ada@example.com", password: "correct horse battery staple" };
const stopping = stopSignal();
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** A program, or why it can't be had. */
type Client = () => Promise<{ command: string; args: readonly string[] } | string>;

const clients: Readonly<Record<string, Client>> = {
  authlib: () => pythonClient("authlib"),
  django: () => pythonClient("django"),
  go: async () => {
    if (spawnSync("go", ["version"]).status !== 0) return "go is not on PATH";
    const program = join(cache, "go-client");
    await mkdir(cache, { recursive: true });
    await finish("go", ["build", "-mod=readonly", "-o", program, "."], join(folder, "go"));
    return { command: program, args: [] };
  },
  rust: async () => {
    if (spawnSync("cargo", ["--version"]).status !== 0) return "cargo is not on PATH";
    // Where it may write the list of what it was built from.
    const copy = join(cache, "rust");
    await cp(join(folder, "rust"), copy, { recursive: true });
    await finish("cargo", ["build", "--quiet"], copy);
    return { command: join(copy, "target/debug/outside-client"), args: [] };
  },
};

/** A program in Python with its packages in an environment of its own. */
async function pythonClient(name: keyof typeof packages): ReturnType<Client> {
  const python = ["python3", "python"].find((one) => spawnSync(one, ["-c", "import venv"]).status === 0);
  if (!python) return "Python 3 with venv is not on PATH";
  const environment = join(cache, name);
  const program = join(environment, "bin/python");
  const mark = join(environment, `.${packages[name].join(",")}`);
  if (!existsSync(mark)) {
    await mkdir(cache, { recursive: true });
    await finish(python, ["-m", "venv", "--clear", environment]);
    await finish(program, ["-m", "pip", "install", "--quiet", ...packages[name]]);
    await writeFile(mark, "");
  }
  return { command: program, args: [join(folder, name, "client.py")] };
}

try {
  const engine = await startEngine({ prefer: "quick", log: say, signal: stopping });
  try {
    process.exitCode = (await run(withDatabase(engine.uri, `clients_${process.pid}`))) ? 0 : 1;
  } finally {
    await engine.stop();
  }
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}

async function run(mongodbUri: string): Promise<boolean> {
  const named = process.argv.slice(2);
  const unknown = named.filter((name) => !Object.hasOwn(clients, name));
  if (unknown.length > 0)
    throw new Error(`No client ${unknown.join(", ")}: ${Object.keys(clients).join(", ")}`);
  const sealKeys = [{ id: "clients", key: "a key of forty-three characters and more, for tests" }];
  const identity = await openIdentity(mongodbUri, { sealKeys });
  const models = Object.values(identity.models) as Model<unknown>[];
  await new DatabaseInitializer(identity.models.User.db, models).initialize({ signal: stopping });
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const app = fastify();
  await app.register(identityPlugin, { identity, issuer, oauth: true, riskPolicy: "off" });
  await app.listen({ port, host: "127.0.0.1" });
  try {
    const { _id } = await identity.users.register({ ...person, displayName: "Ada" });
    const settings = {
      issuer,
      callback,
      user: _id.toHexString(),
      email: person.email,
      ...(await register(identity)),
    };
    let passed = true;
    for (const name of named.length > 0 ? named : Object.keys(clients)) {
      const client = await clients[name]?.();
      if (typeof client === "object") passed = (await runClient(name, client, settings)) && passed;
      else {
        say(`${name}: skipped, because ${client}`);
        if (process.env.CI || named.length > 0) passed = false;
      }
    }
    return passed;
  } finally {
    await app.close();
    await identity.close();
  }
}

/** The apps that the programs are. */
async function register(identity: Identity): Promise<Record<string, object>> {
  const scopes = ["openid", "profile", "email", "offline_access", "notes"];
  const ownerId = new Types.ObjectId();
  const make = async (changes: Partial<AppRegistration>) => {
    const made = {
      ownerId,
      name: "Notes",
      type: "confidential",
      redirectUris: [callback],
      scopes,
      ...changes,
    };
    const { app, clientSecret } = await identity.oauth.registerApp(
      made as AppRegistration & { ownerId: Types.ObjectId },
    );
    return { id: app.clientId, secret: clientSecret };
  };
  const machine: Partial<AppRegistration> = {
    redirectUris: [],
    grantTypes: ["client_credentials"],
    resources: [resource],
  };
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const [publicKey, privateKey] = await Promise.all(
    [pair.publicKey, pair.privateKey].map((key) => crypto.subtle.exportKey("jwk", key)),
  );
  return {
    web: await make({}),
    django: await make({ redirectUris: [`${callback}/complete/oidc/`, `${callback}/oidc/callback/`] }),
    machine: await make(machine),
    jwt_machine: await make({ ...machine, accessTokenFormat: "jwt" }),
    keyed: {
      ...(await make({
        ...machine,
        clientAuthentication: "private_key_jwt",
        publicKeys: [publicKey as never],
      })),
      key: privateKey,
    },
    device: await make({
      type: "public",
      redirectUris: [],
      grantTypes: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    }),
    api: { ...(await make({ serves: [resource] })), resource },
  };
}

async function runClient(
  name: string,
  { command, args }: { command: string; args: readonly string[] },
  settings: object,
): Promise<boolean> {
  say(`\n${name}`);
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      ...process.env,
      OUTSIDE_CLIENT: JSON.stringify(settings),
      PYTHONDONTWRITEBYTECODE: "1",
      // Authlib warns of what it does itself.
      PYTHONWARNINGS: "ignore",
    },
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  const browser = new FormBrowser();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^visit (\S+)$/.exec(line) ?? [];
    if (url === undefined) say(`  ${line}`);
    else child.stdin.write(`${await visit(browser, url)}\n`);
  }
  const [code] = await ended;
  say(code === 0 ? `  ${name} passed` : `  ${name} FAILED with status ${code}`);
  return code === 0;
}

/** A person goes on in their browser: to the app, or with a device's code. */
async function visit(browser: FormBrowser, url: string): Promise<string> {
  const { pathname, searchParams } = new URL(url);
  if (!pathname.endsWith("/device")) {
    return (await signInAndAgree(browser, url, person, (to) => to.startsWith(callback))).url;
  }
  const page = await browser.open(url);
  const asked = await browser.send(page, { user_code: searchParams.get("user_code") ?? "" });
  return (await browser.send(asked, { decision: "allow" })).url;
}

async function finish(command: string, args: readonly string[], cwd = cache): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with status ${code}`);
}
