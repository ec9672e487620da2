// Routes that say who may use them, where no plugin sees to it.
import { type FastifyInstance, fastify } from "fastify";
import { afterEach, expect, test } from "vitest";
import { identityPlugin } from "../src/index.js";
import { useIdentity } from "./support.js";

const setting = useIdentity();
const apps: FastifyInstance[] = [];
afterEach(async () => void (await Promise.all(apps.splice(0).map((app) => app.close()))));

const access = { config: { identity: "session" } } as const;
const orders = (scope: FastifyInstance) => scope.get("/orders", access, () => "your orders");
const plugin = (scope: FastifyInstance) => scope.register(identityPlugin, setting.options());

function made(add: (app: FastifyInstance) => unknown): FastifyInstance {
  const app = fastify();
  apps.push(app);
  add(app);
  return app;
}

test.each<[string, (app: FastifyInstance) => unknown]>([
  [
    "around the plugin's scope",
    (app) => {
      app.register(async (scope) => void (await plugin(scope)));
      orders(app);
    },
  ],
  [
    "in a scope beside it",
    (app) => {
      app.register(async (scope) => void (await plugin(scope)));
      app.register(async (scope) => void orders(scope));
    },
  ],
  [
    "in a scope that was made before it",
    (app) => {
      app.register(async (scope) => void orders(scope));
      plugin(app);
    },
  ],
  [
    "in the middle of a scope that was made before it",
    (app) => {
      app.register(async (scope) => void scope.register(async (inner) => void orders(inner)));
      plugin(app);
    },
  ],
])("a route %s is refused at boot", async (_where, add) => {
  await expect(made(add).ready()).rejects.toMatchObject({
    name: "OptionsError",
    code: "INVALID_OPTIONS",
    message: expect.stringContaining("config.identity of GET /orders, HEAD /orders guards nothing"),
  });
});

test.each<[string, (app: FastifyInstance) => unknown]>([
  [
    "after it",
    (app) => {
      plugin(app);
      orders(app);
    },
  ],
  [
    "before it",
    (app) => {
      orders(app);
      plugin(app);
    },
  ],
  [
    "in a scope within",
    (app) => {
      plugin(app);
      app.register(async (scope) => void scope.register(async (inner) => void orders(inner)));
    },
  ],
  [
    "beside another plugin's scope",
    (app) => {
      app.register(async (scope) => {
        await plugin(scope);
        orders(scope);
      });
      app.register(async (scope) => void (await plugin(scope)), { prefix: "/other" });
    },
  ],
])("a route of the plugin's scope, %s, is guarded", async (_where, add) => {
  const app = made(add);
  await app.ready();
  expect((await app.inject("/orders")).statusCode).toBe(401);
});

test("a route outside that everybody may use needs no plugin", async () => {
  const app = made((root) => {
    root.register(async (scope) => void (await plugin(scope)));
    root.get("/", { config: { identity: "public" } }, () => "welcome");
  });
  expect((await app.inject("/")).statusCode).toBe(200);
});

test("an app without the plugin may have a config.identity of its own", async () => {
  const app = made(orders);
  expect((await app.inject("/orders")).statusCode).toBe(200);
});
