// 405 for methods that a known path does not take (RFC 9110 section 15.5.6), beside whatever else the app has.
import { fastify, type InjectOptions } from "fastify";
import { afterEach, describe, expect, it, test } from "vitest";
import { trackMethods } from "../src/http/index.js";
import { identityPlugin } from "../src/index.js";
import { useIdentity } from "./support.js";

const setting = useIdentity();

type App = Awaited<ReturnType<typeof setting.app>>;

async function ask(app: App, method: string, url: string, options: InjectOptions = {}) {
  const { statusCode, headers } = await app.inject({
    ...options,
    method: method as NonNullable<InjectOptions["method"]>,
    url,
  });
  return headers.allow === undefined ? [statusCode] : [statusCode, headers.allow];
}

describe("a method that a path does not take", () => {
  it.each([
    ["PUT", "/v1/session", "GET, HEAD, DELETE"],
    ["PUT", "/v1/session?with=a&query=/v1/users", "GET, HEAD, DELETE"],
    ["PUT", "/v1/%73ession", "GET, HEAD, DELETE"],
    ["GET", "/v1/users", "POST"],
    ["HEAD", "/v1/users", "POST"],
    ["OPTIONS", "/v1/users", "POST"],
    ["PATCH", "/v1/sessions/0123456789abcdef01234567", "DELETE"],
    ["PATCH", "/v1/sessions/", "DELETE"],
    ["PUT", "/account/sign-in", "GET, HEAD, POST"],
    ["PUT", "/admin", "GET, HEAD"],
    ["PUT", "/v1/admin/users/0123456789abcdef01234567/sessions", "GET, HEAD"],
    ["GET", "/oauth/token", "OPTIONS, POST"],
    ["POST", "/.well-known/openid-configuration", "GET, HEAD, OPTIONS"],
  ])("is 405: %s %s", async (method, url, allow) => {
    const app = await setting.app({ oauth: true, admin: {} });
    expect(await ask(app, method, url)).toEqual([405, allow]);
  });

  it("is 405 where a pattern takes the path as well, and that method", async () => {
    const app = await setting.app();
    expect(await ask(app, "DELETE", "/v1/sessions/challenge")).toEqual([405, "POST"]);
    expect(await ask(app, "DELETE", "/v1/sessions/anything")).toEqual([401]);
  });

  it.each([
    ["ignoreTrailingSlash", "/v1/session/"],
    ["ignoreDuplicateSlashes", "/v1//session"],
    ["caseSensitive", "/v1/Session"],
    ["useSemicolonDelimiter", "/v1/session;jsessionid=1"],
  ])("is 405 at every address that the router takes for the path: %s", async (option, url) => {
    const routerOptions = { [option]: option !== "caseSensitive" };
    const app = await setting.app({}, undefined, { routerOptions });
    expect(await ask(app, "PUT", url)).toEqual([405, "GET, HEAD, DELETE"]);
    expect(await ask(await setting.app(), "PUT", url)).toEqual([404]);
  });
});

describe("what the app has beside", () => {
  it("a route for such a method is the app's", async () => {
    const app = await setting.app({}, (app) => app.put("/v1/session", () => "mine"));
    expect(await ask(app, "PUT", "/v1/session")).toEqual([200]);
    expect(await ask(app, "PATCH", "/v1/session")).toEqual([405, "GET, HEAD, DELETE"]);
  });

  it.each(["before", "behind"])(
    "a route for everything, %s the plugin, takes what is unknown",
    async (when) => {
      const everything = (app: App) => void app.all("/v1/*", () => "mine").all("/*", () => "mine");
      const [before, behind] = when === "before" ? [everything, undefined] : [undefined, everything];
      const app = await setting.app({ oauth: true }, behind, {}, before);
      expect(await ask(app, "PUT", "/v1/session")).toEqual([405, "GET, HEAD, DELETE"]);
      expect(await ask(app, "POST", "/.well-known/openid-configuration")).toEqual([
        405,
        "GET, HEAD, OPTIONS",
      ]);
      for (const url of ["/v1/nothing", "/v1/session/nothing", "/elsewhere", "/v1"])
        expect(await ask(app, "PUT", url)).toEqual([200]);
    },
  );

  it("its own answer to unknown addresses stays", async () => {
    const app = await setting.app({}, (app) => app.setNotFoundHandler((_, reply) => reply.code(418).send()));
    for (const url of ["/v1/nothing", "/v1/session/nothing", "/elsewhere", "/v1"])
      expect(await ask(app, "PUT", url)).toEqual([418]);
    expect(await ask(app, "PUT", "/v1/session")).toEqual([405, "GET, HEAD, DELETE"]);
  });

  it("routes that it has only for some versions or hosts", async () => {
    const app = await setting.app({}, (app) =>
      app.put("/v1/session", { constraints: { host: "other.example" } }, () => "mine"),
    );
    const headers = { host: "other.example" };
    expect(await ask(app, "PUT", "/v1/session", { headers })).toEqual([200]);
    expect(await ask(app, "PUT", "/v1/session")).toEqual([405, "GET, HEAD, DELETE"]);
  });
});

describe("several plugins in one app", () => {
  const nested = fastify();
  afterEach(() => nested.close());

  it("answer for their own prefixes", async () => {
    for (const [prefix, routes] of [
      ["/a", { apiKeys: false }],
      ["/:tenant/b", {}],
    ] as const) {
      await nested.register(async (scope) => scope.register(identityPlugin, setting.options({ routes })), {
        prefix,
      });
    }
    expect(await ask(nested, "PUT", "/a/v1/session")).toEqual([405, "GET, HEAD, DELETE"]);
    expect(await ask(nested, "PUT", "/a/v1/api-keys")).toEqual([404]);
    expect(await ask(nested, "PUT", "/any/b/v1/api-keys")).toEqual([405, "POST, GET, HEAD"]);
    expect(await ask(nested, "PUT", "/v1/session")).toEqual([404]);
  });
});

test("a scope's path may be its prefix alone, hold a colon, and end with anything", async () => {
  const app = fastify();
  await app.register(
    async (scope) => {
      const refuseOthers = trackMethods(scope);
      scope
        .get("", () => "")
        .get("/a::b/:c", () => "")
        .get("/files/*", () => "");
      refuseOthers();
    },
    { prefix: "/p" },
  );
  for (const url of ["/p", "/p/a:b/1", "/p/files/1/2"])
    expect(await ask(app, "POST", url)).toEqual([405, "GET, HEAD"]);
  for (const url of ["/p/", "/p/a:b/1/2", "/p/axb/1", "/p/files"])
    expect(await ask(app, "POST", url)).toEqual([404]);
  await app.close();
});

test("it takes a route or two of each scope, whatever the number of paths", async () => {
  const refusing: string[] = [];
  const app = await setting.app({}, undefined, {}, (app) =>
    app.addHook("onRoute", ({ url, method }) => void (Array.isArray(method) && refusing.push(url))),
  );
  await app.ready();
  expect(refusing.length).toBeLessThan(10);
});
