import { expect, test } from "vitest";
import { browserOf, makeAdmin, makeUser } from "../admin/world.js";
import { textOf } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { credentials, makeClient, post } from "./world.js";

const setting = useIdentity();

test("an app's owner and administrators see what it did, by day and endpoint, and nobody else does", async () => {
  const app = await setting.app({ oauth: true, admin: true }, (scope) => {
    scope.get("/notes", { config: { identity: { scope: "notes", accept: ["client"] } } }, () => "notes");
  });
  const owner = await makeUser(app);
  const client = await makeClient(setting, {
    ownerId: owner.id,
    grantTypes: ["client_credentials"],
    redirectUris: [],
  });
  const { clientId } = client.app;
  const ask = (fields: object) =>
    post(app, "/oauth/token", { grant_type: "client_credentials", ...credentials(client), ...fields });
  const { access_token: token } = (await ask({ scope: "notes" })).json();
  expect((await ask({ scope: "everything" })).statusCode).toBe(400);
  // A caller that only says to be the client counts for nobody.
  expect((await ask({ client_secret: "guessed" })).statusCode).toBe(401);
  const bearer = { authorization: `Bearer ${token}` };
  for (const _ of [1, 2]) expect((await app.inject({ url: "/notes", headers: bearer })).statusCode).toBe(200);
  await post(app, "/oauth/introspect", { ...credentials(client), token });
  await setting.identity.flush();

  const read = (headers: Record<string, string>, query = "") =>
    app.inject({ url: `/v1/usage/apps/${clientId}${query}`, headers });
  const day = `${setting.clock.now().toISOString().slice(0, 10)}T00:00:00.000Z`;
  const days = [
    {
      startedAt: day,
      requests: 5,
      failures: 1,
      endpoints: [
        { endpoint: "GET /notes", requests: 2, failures: 0, error: 0 },
        { endpoint: "POST /oauth/token client_credentials", requests: 2, failures: 1, error: 0 },
        { endpoint: "POST /oauth/introspect", requests: 1, failures: 0, error: 0 },
      ],
    },
  ];
  const seen = (await read(owner.bearer)).json();
  expect(seen).toEqual({
    days: [{ ...days[0], endpoints: expect.arrayContaining(days[0]?.endpoints ?? []) }],
  });
  expect((await read(owner.bearer, "?to=2096-01-01T00:00:00Z")).json()).toEqual({ days: [] });
  expect((await read((await makeUser(app)).bearer)).json().code).toBe("APP_NOT_FOUND");
  const list = await app.inject({ url: "/v1/usage/apps", headers: owner.bearer });
  expect(list.json()).toMatchObject({ apps: [{ clientId }], next: null });

  const admin = await makeAdmin(setting, app, "identity:support");
  expect((await admin.get(`/apps/${clientId}/usage`)).json()).toEqual(seen);
  const page = await (await browserOf(app, admin)).get(`/admin/apps/${clientId}`);
  expect(textOf(page.body)).toContain("POST /oauth/token client_credentials 2 1");
});
