import type { FastifyInstance, InjectOptions } from "fastify";
import { beforeEach, describe, expect, it } from "vitest";
import { gitHubProvider } from "../../src/providers/index.js";
import { useIdentity } from "../support.js";
import { begun, type Cast, cookieName, makeCast, withImpersonation } from "./impersonation-world.js";
import { browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();
const provider = gitHubProvider({ clientId: "id", clientSecret: "secret" });

/**
 * Every route of the plugin that an impersonated session may use, and why. Whatever is not here is refused: a new route until
 * somebody decides on it.
 */
const allowed: Readonly<Record<string, string>> = {
  "GET /v1/session": "tells the application who acts for whom",
  "DELETE /v1/session/impersonation": "stops it",
  "GET /v1/sessions": "sees them; ends none",
  "GET /account/signed-in": "goes on to a place of the application",
  "GET /account/sign-out": "stops it",
  "POST /account/sign-out": "stops it",
  "GET /account/impersonation": "says whom one acts for",
  "POST /account/impersonation/stop": "stops it",
  "GET /account/end-session": "stops it, for an app that signs out",
  "POST /account/end-session": "stops it, for an app that signs out",
  "GET /oauth/authorize": "apps to which the user has agreed; tokens tell who acts",
  "POST /oauth/authorize": "the same",
  "GET /oauth/logout": "stops it, for an app that signs out",
  "POST /oauth/logout": "stops it, for an app that signs out",
  "GET /oauth/jwks": "takes no session",
  "POST /oauth/token": "takes no session",
  "POST /oauth/revoke": "takes no session",
  "POST /oauth/par": "takes no session",
  "POST /oauth/device_authorization": "takes no session",
  "POST /oauth/introspect": "takes no session",
  "GET /oauth/userinfo": "takes a token of an app, with what the user has agreed to",
  "POST /oauth/userinfo": "takes a token of an app, with what the user has agreed to",
  "OPTIONS /oauth/jwks": "takes no session",
  "OPTIONS /oauth/token": "takes no session",
  "OPTIONS /oauth/revoke": "takes no session",
  "OPTIONS /oauth/par": "takes no session",
  "OPTIONS /oauth/device_authorization": "takes no session",
  "OPTIONS /oauth/introspect": "takes no session",
  "OPTIONS /oauth/userinfo": "takes no session",
};

/** Of the application's scope, where nothing of a session is read. */
const outside = /^(GET|OPTIONS) \/\.well-known\/|^(GET|OPTIONS) \/oauth\/\.well-known\//;

let routes: string[];
let cast: Cast;

beforeEach(async () => {
  routes = [];
  const app = await setting.app(
    withImpersonation(true, { oauth: true, providers: [provider] }),
    undefined,
    {},
    (before: FastifyInstance) => {
      before.addHook("onRoute", ({ method, url, constraints }) => {
        // Takes only methods that a path does not know, and answers them 405.
        if (url.endsWith("/*") && constraints) return;
        for (const one of [method].flat()) if (one !== "HEAD") routes.push(`${one} ${url}`);
      });
    },
  );
  await app.ready();
  cast = await makeCast(setting, app);
});

let known: string | undefined;
/** The token of an impersonation that lives: some routes end it. */
async function liveToken(): Promise<string> {
  const check = await setting.identity.sessions.validate(known);
  if (!check.ok) known = (await begun(cast)).token;
  return known ?? "";
}

const own = () => [...new Set(routes)].filter((route) => !outside.test(route)).sort();

/** Whether a route is refused to who acts for a user, whatever else is wrong with the request; or is there to refuse its method. */
async function isRefused(route: string, headers: Record<string, string>): Promise<boolean> {
  const [method, path = ""] = route.split(" ");
  const url = path.replace(/:(\w+)/g, "0123456789abcdef01234567").replace("*", "x");
  const { statusCode, body } = await cast.app.inject({
    method: method as NonNullable<InjectOptions["method"]>,
    url,
    headers: { "sec-fetch-site": "same-origin", ...headers },
    ...(method !== "GET" && method !== "OPTIONS" && { payload: {} }),
  });
  if (statusCode === 405) return true;
  return statusCode === 403 && /"IMPERSONATED"|This stays closed while you act for a user/.test(body);
}

describe("an impersonated session", () => {
  it("may use these routes of the plugin, and no other one, by a browser", async () => {
    const used: string[] = [];
    for (const route of own()) {
      const token = await liveToken();
      const cookie = `${cast.helper.cookie.cookie}; ${cookieName}=${token}`;
      if (!(await isRefused(route, { cookie }))) used.push(route);
    }
    expect(used.filter((route) => !(route in allowed))).toEqual([]);
    expect(Object.keys(allowed).filter((route) => !used.includes(route))).toEqual([]);
  });

  it("is refused by every other route that takes a session, by a program", async () => {
    // Without a cookie, a route that takes no session is nobody's in particular.
    const takesNone = new Set<string>();
    for (const route of own()) {
      const [method, path = ""] = route.split(" ");
      const url = path.replace(/:(\w+)/g, "0123456789abcdef01234567").replace("*", "x");
      const bare = await cast.app.inject({
        method: method as NonNullable<InjectOptions["method"]>,
        url,
        ...(method !== "GET" && method !== "OPTIONS" && { payload: {} }),
      });
      const asksForSession = /SESSION_REQUIRED|API_KEY_REQUIRED/.test(bare.body);
      const leadsToSignIn =
        bare.statusCode === 303 && /\/sign-in\?return_to=/.test(String(bare.headers.location));
      if (!asksForSession && !leadsToSignIn) takesNone.add(route);
    }
    const open: string[] = [];
    for (const route of own().filter((one) => !takesNone.has(one))) {
      const token = await liveToken();
      if (!(await isRefused(route, { authorization: `Bearer ${token}` }))) open.push(route);
    }
    expect(open.filter((route) => !(route in allowed))).toEqual([]);
    expect(open).toContain("GET /v1/session");
    expect(own().length - takesNone.size).toBeGreaterThan(150);
  });

  it("has no page and no route of the admin area, not those for impersonations either", async () => {
    const { token } = await begun(cast);
    const cookie = `${cast.helper.cookie.cookie}; ${cookieName}=${token}`;
    const ofAdmin = own().filter((route) => / \/(v1\/)?admin/.test(route));
    expect(ofAdmin).toContain("POST /v1/admin/users/:id/impersonation");
    for (const route of ofAdmin) expect([route, await isRefused(route, { cookie })]).toEqual([route, true]);
  });
});

it("is off by default: no route and no page, no button, no permission by any role", async () => {
  routes = [];
  const app = await setting.app({ admin: true }, undefined, {}, (before: FastifyInstance) => {
    before.addHook("onRoute", ({ url }) => void routes.push(url));
  });
  await app.ready();
  expect(routes.filter((url) => url.includes("impersonat"))).toEqual([]);
  const administrator = await makeAdmin(setting, app, "identity:impersonator", "identity:admin");
  const { permissions } = (await administrator.get("/me")).json();
  expect(permissions).not.toContain("users:impersonate");
  const alone = await makeAdmin(setting, app, "identity:impersonator");
  expect((await alone.get("/me")).json().permissions).toEqual([]);
  const { id } = await makeUser(app);
  const order = { action: "user.impersonate", userId: id.toHexString(), reason: "Ticket 4711" };
  expect((await administrator.post("/approvals", order)).json().code).toBe("INSUFFICIENT_ROLE");
  const browser = await browserOf(app, administrator);
  expect((await browser.get(`/admin/users/${id.toHexString()}`)).body).not.toMatch(/impersonat/);
  expect((await browser.get("/admin/administrators")).body).not.toContain("add-impersonator");
});
