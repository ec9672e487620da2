import { once } from "node:events";
import { signInAndAgree } from "@org/dev-kit/form-browser";
import { beforeAll, expect, test } from "vitest";
import { spawnProgram } from "./program.js";
import { useProvider } from "./provider.js";

const provider = useProvider("example_cli");
let env: Record<string, string>;
beforeAll(async () => {
  const { id } = await provider.register({
    type: "public",
    // Any port of this address serves (RFC 8252 section 7.3).
    redirectUris: ["http://127.0.0.1/callback"],
    grantTypes: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
  });
  env = { ISSUER: provider.issuer, CLIENT_ID: id };
});

const isLoopback = (url: string) => /^http:\/\/127\.0\.0\.1:\d+\/callback\?/.test(url);

test("signs in through a port of this machine", async () => {
  const person = await provider.person("ada@example.com");
  const { child, lines } = spawnProgram("command-line.ts", env);
  const ended = once(child, "exit");
  const [, url = ""] = /^Open (\S+)$/.exec((await lines.next()).value) ?? [];
  const answer = await signInAndAgree(person.browser, url, person, isLoopback);
  expect((await person.browser.open(answer.url)).html).toBe("You can close this window.");
  expect((await lines.next()).value).toBe("Signed in as ada@example.com");
  expect((await lines.next()).value).toBe("Signed out");
  expect((await ended)[0]).toBe(0);
});

test("signs in on a machine without a browser", async () => {
  const person = await provider.person("bob@example.com");
  const { child, lines } = spawnProgram("command-line.ts", env, ["--device"]);
  const ended = once(child, "exit");
  const [, url = "", user_code = ""] = /^Open (\S+) and type (\S+)$/.exec((await lines.next()).value) ?? [];
  const isDevice = (to: string) => to === url;
  // Signing in leads back to where the code is typed.
  await signInAndAgree(
    person.browser,
    `${provider.issuer}/account/sign-in?return_to=/account/device`,
    person,
    isDevice,
  );
  const asked = await person.browser.send(await person.browser.open(url), { user_code });
  await person.browser.send(asked, { decision: "allow" });
  expect((await lines.next()).value).toBe("Signed in as bob@example.com");
  expect((await lines.next()).value).toBe("Signed out");
  expect((await ended)[0]).toBe(0);
});
