// Signing keys as an operator handles them.
import { expect, test } from "vitest";
import { useIdentity } from "../support.js";
import { credentials, makeClient, post } from "./world.js";

const setting = useIdentity();

test("a withdrawn key: within ten seconds no instance takes what it signed, and all sign with its successor", async () => {
  const guarded = () =>
    setting.app({ oauth: true }, (app) => {
      app.get("/notes", { config: { identity: { scope: "notes", accept: ["client"] } } }, () => "notes");
    });
  const apps = await Promise.all([guarded(), guarded()]);
  const machine = await makeClient(setting, {
    grantTypes: ["client_credentials"],
    redirectUris: [],
    accessTokenFormat: "jwt",
  });
  const fields = { grant_type: "client_credentials", scope: "notes", ...credentials(machine) };
  const kidsOf = async (at: number): Promise<string[]> =>
    (await apps[at]?.inject("/oauth/jwks"))?.json().keys.map(({ kid }: { kid: string }) => kid);
  const tokenFrom = async (at: number): Promise<string> => {
    const app = apps[at];
    if (!app) throw new Error("there are two");
    return (await post(app, "/oauth/token", fields)).json().access_token;
  };
  const statusAt = async (at: number, token: string) =>
    (await apps[at]?.inject({ url: "/notes", headers: { authorization: `Bearer ${token}` } }))?.statusCode;
  const tokens = [await tokenFrom(0), await tokenFrom(1)];
  for (const token of tokens)
    expect([await statusAt(0, token), await statusAt(1, token)]).toEqual([200, 200]);
  const [stolen = ""] = await kidsOf(0);
  expect(await setting.identity.oauth.withdrawSigningKey({ kid: stolen })).toBe(true);
  setting.clock.advance(10_000);
  for (const token of tokens)
    expect([await statusAt(0, token), await statusAt(1, token)]).toEqual([401, 401]);
  for (const at of [0, 1]) {
    expect(await kidsOf(at)).not.toContain(stolen);
    const token = await tokenFrom(at);
    expect([await statusAt(0, token), await statusAt(1, token)]).toEqual([200, 200]);
  }
});
