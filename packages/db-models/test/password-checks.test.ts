import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  createIdentity,
  type Identity,
  type IdentitySettings,
  pwnedPasswords,
  type SkippedCheck,
} from "../src/index.js";
import { useIdentityDatabase } from "./database.js";

const database = useIdentityDatabase();
const fine = "correct horse battery staple";
let made = 0;
const newAddress = () => {
  made += 1;
  return `somebody-${made}@mail.example`;
};

function identityWith(settings: IdentitySettings = {}): Identity {
  const identity = createIdentity({ connection: database().connection, ...settings });
  onTestFinished(() => identity.close());
  return identity;
}

const refusal = (reason: string) => ({ code: "PASSWORD_TOO_COMMON", kind: "caller", details: { reason } });

describe("each way to set a password", () => {
  it("refuses a common one, and keeps what was there", async () => {
    const identity = identityWith();
    const email = newAddress();
    const refused = identity.users.register({ email, password: "passwordpassword" });
    await expect(refused).rejects.toMatchObject(refusal("common"));
    const { _id: userId } = await identity.users.register({ email, password: fine });
    const { token: keepToken } = await identity.sessions.open({ userId });
    const change = identity.users.setPassword({ userId, password: "1234567890qwerty", keepToken });
    await expect(change).rejects.toMatchObject(refusal("common"));
    expect(await identity.sessions.validate(keepToken)).toMatchObject({ ok: true });
    const asked = await identity.users.requestPasswordReset({ email });
    if (!asked.ok) throw new Error(asked.reason);
    const reset = (password: string) => identity.users.resetPassword({ token: asked.token, password });
    await expect(reset("qwertyuiop12345")).rejects.toMatchObject(refusal("common"));
    expect(await identity.users.authenticate({ identifier: email, password: fine })).toMatchObject({
      ok: true,
    });
    // The token is still good.
    expect(await reset("another fine password")).toMatchObject({ ok: true });
  });

  it("refuses the account's own names and those of the service", async () => {
    const passkeys = { rpId: "id.nordwind.example", origins: ["https://id.nordwind.example"] };
    const identity = identityWith({
      passwords: { words: ["Projekt Sturm"] },
      factors: { issuer: "Nordwind", passkeys },
    });
    const account = {
      email: "grete.hermann@physik.example",
      username: "emmynoether",
      displayName: "Lise Meitner",
    };
    const register = (password: string) => identity.users.register({ ...account, password });
    for (const password of [
      "grete-hermann-1901",
      "Physik.Physik.Physik",
      "emmynoether1882",
      "lise meitner 1878",
      "nordwindnordwind",
      "Projekt-Sturm-2026",
    ]) {
      await expect(register(password), password).rejects.toMatchObject(refusal("context"));
    }
    const { _id: userId } = await register(fine);
    const change = identity.users.setPassword({ userId, password: "LiseMeitner1878!" });
    await expect(change).rejects.toMatchObject(refusal("context"));
    const asked = await identity.users.requestPasswordReset({ email: account.email });
    if (!asked.ok) throw new Error(asked.reason);
    const reset = identity.users.resetPassword({ token: asked.token, password: "LiseMeitner1878!" });
    await expect(reset).rejects.toMatchObject(refusal("context"));
  });

  it("never shows the password in what it throws", async () => {
    const password = "1qaz2wsx3edc4rfv";
    const error = await identityWith()
      .users.register({ email: newAddress(), password })
      .catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error) + String(error)).not.toContain(password);
  });
});

// As https://haveibeenpwned.com/API/v3#PwnedPasswords documents it: lines of `SUFFIX:COUNT` by CRLF, padding with count 0.
describe("breached passwords", () => {
  const breached = "a password of a breach";
  const padded = "only as padding, so not breached";
  const suffixOf = (password: string) => createHash("sha1").update(password).digest("hex").toUpperCase();
  const asked: Array<{ url: string | undefined; headers: IncomingHttpHeaders }> = [];
  let answer: "range" | "error" | "silence" = "range";
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer(({ url: path, headers }, response) => {
      asked.push({ url: path, headers });
      if (answer === "silence") return;
      if (answer === "error") return void response.writeHead(503).end();
      const prefix = path?.slice(-5) ?? "";
      const seen = [`${suffixOf(breached)}:17`, `${suffixOf(padded)}:0`, `${suffixOf("unrelated")}:3`];
      const lines = seen.filter((line) => line.startsWith(prefix)).map((line) => line.slice(5));
      response.end(["0018A45C4D1DEF81644B54AB7F969B88D65:1", ...lines].join("\r\n"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked.length = 0;
    answer = "range";
  });

  it("are refused; five digits of the hash are all that leaves the process", async () => {
    const identity = identityWith({ isBreached: pwnedPasswords({ url }) });
    const refused = identity.users.register({ email: newAddress(), password: breached });
    await expect(refused).rejects.toMatchObject(refusal("breached"));
    await identity.users.register({ email: newAddress(), password: padded });
    await identity.users.register({ email: newAddress(), password: fine });
    expect(asked.map((one) => one.url)).toEqual(
      [breached, padded, fine].map((password) => `/range/${suffixOf(password).slice(0, 5)}`),
    );
    for (const { headers } of asked) expect(headers["add-padding"]).toBe("true");
  });

  it("are not asked for when the password is refused anyway", async () => {
    const identity = identityWith({ isBreached: pwnedPasswords({ url }) });
    const email = newAddress();
    await expect(identity.users.register({ email, password: "passwordpassword" })).rejects.toThrow();
    expect(asked).toEqual([]);
  });

  it.each(["error", "silence"] as const)(
    "that can't be asked for (%s) keep nobody out, and are reported",
    async (state) => {
      answer = state;
      const reported: unknown[] = [];
      const identity = identityWith({
        isBreached: pwnedPasswords({ url }),
        passwords: { breachedTimeoutMs: 100 },
        onError: (error, what: SkippedCheck | object) => reported.push([error instanceof Error, what]),
      });
      await identity.users.register({ email: newAddress(), password: breached });
      expect(reported).toEqual([[true, { check: "breachedPasswords" }]]);
    },
  );

  it("can come from a function, which is told when its time is over", async () => {
    let aborted = false;
    const isBreached = (password: string, { signal }: { signal: AbortSignal }) => {
      if (password === breached) return Promise.resolve(true);
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise<boolean>(() => undefined);
    };
    const identity = identityWith({ isBreached, passwords: { breachedTimeoutMs: 50 } });
    const refused = identity.users.register({ email: newAddress(), password: breached });
    await expect(refused).rejects.toMatchObject(refusal("breached"));
    await identity.users.register({ email: newAddress(), password: fine });
    expect(aborted).toBe(true);
  });

  it("need an address that is one", () => {
    expect(() => pwnedPasswords({ url: "no address" })).toThrow(TypeError);
    expect(() => identityWith({ isBreached: "pwned" as never })).toThrow("isBreached: must be a function");
  });
});
