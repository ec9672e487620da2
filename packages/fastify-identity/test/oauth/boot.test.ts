import { fastify } from "fastify";
import { expect, test } from "vitest";
import { identityPlugin } from "../../src/index.js";
import { Visitor } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { agree, answerIn, authorizeUrl, makeClient, makeVisitor, ours, target } from "./world.js";

const sealed = useIdentity();
const unsealed = useIdentity({ sealKeys: [] });

test("a provider without a key to seal its signing keys with does not start", async () => {
  const app = await unsealed.app({ oauth: true });
  await expect(app.ready()).rejects.toThrow("oauth: takes sealKeys");
  await (await sealed.app({ oauth: true })).ready();
});

test("strict session cookies are refused: with them no session comes with what an app asks", async () => {
  const app = fastify();
  const strict = sealed.options({ oauth: true, cookies: { sameSite: "strict" } });
  await expect(app.register(identityPlugin, strict)).rejects.toThrow("cookies.sameSite");
  await sealed.app({ cookies: { sameSite: "strict" } });
});

test("RFC 9110 section 9.3.2: HEAD answers no app, and uses nothing up", async () => {
  const app = await sealed.app({ oauth: true });
  const client = await makeClient(sealed);
  const { visitor, email } = await makeVisitor(sealed, app);
  await agree(visitor, email, authorizeUrl(client));
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const head = (url: string) => app.inject({ method: "HEAD", url, headers: { cookie } });
  expect((await head(authorizeUrl(client))).headers.location).toBeUndefined();
  const page = ours(target(await new Visitor(app).get(authorizeUrl(client))));
  expect((await head(page)).headers.location).toBeUndefined();
  expect(answerIn(await visitor.get(page)).code).toMatch(/^idc_/);
});
