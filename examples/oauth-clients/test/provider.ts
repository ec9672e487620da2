import { type AppRegistration, type Identity, openIdentity } from "@org/db-models";
import { FormBrowser } from "@org/dev-kit/form-browser";
import { freePort } from "@org/dev-kit/free-port";
import { useTemporaryDatabase } from "@org/dev-kit/vitest";
import { identityPlugin } from "@org/fastify-identity";
import { type FastifyInstance, fastify } from "fastify";
import { Types } from "mongoose";
import { afterAll, beforeAll } from "vitest";

export const resource = "https://notes.example.com/";
const password = "correct horse battery staple";

/** A provider on loopback, and the registration of its apps. */
export function useProvider(label: string) {
  const database = useTemporaryDatabase({ label });
  const sealKeys = [{ id: "test", key: "a key of forty-three characters and more, for tests" }];
  let identity: Identity;
  let app: FastifyInstance;
  let issuer = "";
  beforeAll(async () => {
    identity = await openIdentity(database.uri, { sealKeys });
    await Promise.all(Object.values(identity.models).map((model) => model.createIndexes()));
    const port = await freePort();
    issuer = `http://127.0.0.1:${port}`;
    app = fastify();
    const oauth = { logoutSweepMs: 100 };
    await app.register(identityPlugin, { identity, issuer, oauth, riskPolicy: "off" });
    await app.listen({ port, host: "127.0.0.1" });
  });
  afterAll(async () => {
    await app?.close();
    await identity?.close();
  });
  return {
    get identity() {
      return identity;
    },
    get issuer() {
      return issuer;
    },
    register: async (changes: Partial<AppRegistration>) => {
      const scopes = ["openid", "email", "notes", "offline_access"];
      const base = { ownerId: new Types.ObjectId(), name: "Notes", type: "confidential", scopes } as const;
      const registered = await identity.oauth.registerApp({ ...base, redirectUris: [], ...changes });
      return { id: registered.app.clientId, secret: registered.clientSecret ?? "" };
    },
    /** Somebody with an account and a browser. */
    person: async (email: string) => {
      const { _id } = await identity.users.register({ email, password });
      return { email, password, userId: _id, browser: new FormBrowser() };
    },
  };
}
