import type { IdentitySettings } from "@org/db-models";
import { FormBrowser } from "@org/dev-kit/form-browser";
import { freePort } from "@org/dev-kit/free-port";
import { type FastifyInstance, fastify } from "fastify";
import { afterAll, beforeAll } from "vitest";
import { identityPlugin } from "../../src/index.js";
import { password, type Setting, useIdentity } from "../support.js";

let people = 0;

/** A provider that listens on loopback and goes by the clock on the wall, as clients do that bring their own. */
export function useRealProvider(settings: IdentitySettings = {}) {
  const setting: Setting = useIdentity({ clock: { now: () => new Date() }, ...settings });
  let app: FastifyInstance;
  let origin = "";
  beforeAll(async () => {
    // The issuer has to be known before it listens.
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    app = fastify();
    await app.register(identityPlugin, setting.options({ issuer: origin, oauth: true }));
    await app.listen({ port, host: "127.0.0.1" });
  });
  afterAll(async () => {
    await app?.close();
  });
  return {
    setting,
    get origin() {
      return origin;
    },
    /** Somebody with an account, and a browser in which nobody is signed in. */
    person: async () => {
      people += 1;
      const email = `person${people}@example.com`;
      const { _id } = await setting.identity.users.register({ email, password, displayName: "Ada" });
      return { email, password, userId: _id.toHexString(), browser: new FormBrowser() };
    },
  };
}
