// Changes of the provider's answers by risk and quotas.
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
  ours,
  post,
  target,
} from "./world.js";

const setting = useIdentity();
const scope = "openid offline_access";

async function begun() {
  const app = await setting.app({ oauth: true, riskPolicy: "balanced" });
  const client = await makeClient(setting);
  const { visitor, email, userId } = await makeVisitor(setting, app);
  const verifier = newVerifier();
  const answer = await agree(visitor, email, authorizeUrl(client, { scope }, verifier));
  const fields = {
    grant_type: "authorization_code",
    code: answerIn(answer).code ?? "",
    code_verifier: verifier,
  };
  const tokens = (await post(app, "/oauth/token", { ...fields, ...credentials(client) })).json();
  const [session] = await setting.identity.sessions.list({ userId });
  if (!session) throw new Error("nobody is signed in");
  return { app, client, visitor, userId, tokens, sessionId: session.id };
}

type Begun = Awaited<ReturnType<typeof begun>>;

const raise = ({ userId, sessionId }: Pick<Begun, "userId" | "sessionId">, level: "medium" | "high") =>
  setting.identity.sessions.raiseRisk({
    userId,
    sessionId,
    risk: { score: 60, level, reasons: ["new_network"] },
  });

const actionsOf = async (action: string) =>
  setting.identity.models.AuditEvent.countDocuments({ action, outcome: "denied" });

test("17 a session in doubt: prompt none gives login_required, with the reasons in the audit; otherwise it is asked", async () => {
  const { app: _app, client, visitor, userId, sessionId } = await begun();
  const silent = authorizeUrl(client, { scope, prompt: "none" });
  expect(answerIn(await visitor.get(silent)).code).toBeDefined();
  await raise({ userId, sessionId }, "high");
  const before = await actionsOf("oauth.doubted");
  expect(answerIn(await visitor.get(silent)).error).toBe("login_required");
  expect(await actionsOf("oauth.doubted")).toBe(before + 1);
  const asked = await visitor.get(authorizeUrl(client, { scope }));
  expect(target(await visitor.get(ours(target(asked))))).toContain("/account/confirm");
});

test("a refresh that goes back to a session in doubt gives a token of a minute, with the reasons in the audit", async () => {
  const { app, client, tokens, userId, sessionId } = await begun();
  const refresh = (refresh_token: string) =>
    post(app, "/oauth/token", { grant_type: "refresh_token", refresh_token, ...credentials(client) });
  const first = (await refresh(tokens.refresh_token)).json();
  expect(first.expires_in).toBe(3_600);
  await raise({ userId, sessionId }, "medium");
  setting.clock.advance(60_000);
  const before = await actionsOf("oauth.refresh_shortened");
  const other = await makeClient(setting);
  const stolen = { grant_type: "refresh_token", refresh_token: first.refresh_token, ...credentials(other) };
  expect((await post(app, "/oauth/token", stolen)).json().error).toBe("invalid_grant");
  expect(await actionsOf("oauth.refresh_shortened")).toBe(before);
  expect((await refresh(first.refresh_token)).json().expires_in).toBe(60);
  expect(await actionsOf("oauth.refresh_shortened")).toBe(before + 1);
});

test("instances that count in the database share a client's quota", async () => {
  const options = { oauth: { tokenRequests: 3 }, rateLimit: { store: "database" } } as const;
  const instances = [await setting.app(options), await setting.app(options)] as const;
  const client = await makeClient(setting);
  const statuses: number[] = [];
  for (const instance of [...instances, ...instances, ...instances]) {
    const fields = { grant_type: "refresh_token", refresh_token: "x", ...credentials(client) };
    const { statusCode, headers } = await post(instance, "/oauth/token", fields);
    expect(headers["ratelimit-policy"]).toBe('"client";q=3;w=60');
    statuses.push(statusCode);
  }
  expect(statuses).toEqual([400, 400, 400, 429, 429, 429]);
});

test("every answer of the token endpoint says what is left of the client's quota, and nobody else uses it up", async () => {
  const app = await setting.app({ oauth: { tokenRequests: 3 } });
  const client = await makeClient(setting);
  const ask = (fields = credentials(client)) =>
    post(app, "/oauth/token", { grant_type: "refresh_token", refresh_token: "x", ...fields });
  for (let count = 0; count < 5; count++) {
    const stranger = await ask({ ...credentials(client), client_secret: "wrong" });
    expect([stranger.statusCode, stranger.headers.ratelimit]).toEqual([401, undefined]);
  }
  for (const left of [2, 1, 0]) {
    const { headers, statusCode } = await ask();
    expect(statusCode).toBe(400);
    expect(headers["ratelimit-policy"]).toBe('"client";q=3;w=60');
    expect(headers.ratelimit).toMatch(new RegExp(`^"client";r=${left};t=\\d+$`));
  }
  const refused = await ask();
  expect([refused.statusCode, refused.json().error]).toEqual([429, "temporarily_unavailable"]);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  setting.clock.advance(60_000);
  expect((await ask()).statusCode).toBe(400);
});
