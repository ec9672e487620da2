// A copy of the database, presented to every endpoint, opens nothing.
import { expect, test } from "vitest";
import { useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  credentials,
  makeClient,
  makeVisitor,
  newVerifier,
  post,
} from "./world.js";

const setting = useIdentity();
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code" as const;

/** Every string of every document, and its parts. */
async function stored(): Promise<string[]> {
  const texts = new Set<string>();
  for (const model of Object.values(setting.identity.models)) {
    const documents = await model.collection.find({}).toArray();
    JSON.parse(JSON.stringify(documents), (_key, value) => {
      if (typeof value === "string" && value.length > 8)
        for (const text of [value, ...value.split(/[."]/)]) texts.add(text);
      return value;
    });
  }
  return [...texts].filter((text) => text.length > 8 && text.length < 4_096);
}

test("no stored value is a token, a code, a secret, a request or a session", async () => {
  const app = await setting.app({ oauth: { algorithms: ["RS256", "ES256"] } });
  const grantTypes = ["authorization_code", "refresh_token", deviceGrant] as const;
  const client = await makeClient(setting, { accessTokenFormat: "jwt", grantTypes: [...grantTypes] });
  const { visitor, email } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const scope = "openid offline_access";
  const { code = "" } = answerIn(await agree(visitor, email, authorizeUrl(client, { scope }, verifier)));
  const exchange = {
    grant_type: "authorization_code",
    code,
    code_verifier: verifier,
    ...credentials(client),
  };
  const tokens = (await post(app, "/oauth/token", exchange)).json();
  const unused = answerIn(await visitor.get(authorizeUrl(client, { scope }))).code ?? "";
  const fields = Object.fromEntries(new URLSearchParams(authorizeUrl(client).split("?")[1]));
  const pushed = (await post(app, "/oauth/par", { ...fields, ...credentials(client) })).json();
  const device = (
    await post(app, "/oauth/device_authorization", { scope: "notes", ...credentials(client) })
  ).json();
  const texts = await stored();
  const given = [
    code,
    unused,
    tokens.access_token,
    tokens.refresh_token,
    tokens.id_token,
    client.clientSecret,
  ];
  given.push(pushed.request_uri.split(":").at(-1), device.device_code, device.user_code, verifier);
  const dump = texts.join("\n");
  expect(given.filter((secret) => secret && dump.includes(secret))).toEqual([]);

  const ask = (change: Record<string, string>) =>
    post(app, "/oauth/token", { ...credentials(client), ...change });
  const opened: string[] = [];
  for (const text of texts) {
    const answers = await Promise.all([
      ask({ grant_type: "authorization_code", code: text, code_verifier: verifier }),
      ask({ grant_type: "refresh_token", refresh_token: text }),
      ask({ grant_type: deviceGrant, device_code: text }),
      ask({ grant_type: "refresh_token", refresh_token: tokens.refresh_token, client_secret: text }),
      app.inject({
        url: "/oauth/userinfo",
        headers: { authorization: `Bearer ${encodeURIComponent(text)}` },
      }),
    ]);
    if (answers.some(({ statusCode }) => statusCode < 400)) opened.push(text);
    const introspected = await post(app, "/oauth/introspect", { token: text, ...credentials(client) });
    if (introspected.json().active !== false) opened.push(text);
    const cookie = `__Host-session=${encodeURIComponent(text)}`;
    const uri = `urn:ietf:params:oauth:request_uri:${text}`;
    const asked = [
      authorizeUrl(client, { prompt: "none" }),
      `/oauth/authorize?${new URLSearchParams({ client_id: client.clientId, request_uri: uri })}`,
    ];
    for (const url of asked) {
      const { headers } = await app.inject({ url, headers: { cookie } });
      if (String(headers.location).includes("code=") || String(headers.location).includes("/account"))
        opened.push(text);
    }
  }
  expect(texts.length).toBeGreaterThan(50);
  expect(opened).toEqual([]);
  expect((await ask({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).statusCode).toBe(
    200,
  );
}, 120_000);
