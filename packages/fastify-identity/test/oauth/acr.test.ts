// The level that a request can't go without: OpenID Connect Core section 5.5.1.1.
import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import { browserOf, makeAdmin } from "../admin/world.js";
import type { Visitor } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { answerIn, authorizeUrl, type Client, makeClient, makeVisitor, redeem, signIn } from "./world.js";

const setting = useIdentity();

async function answerFor(visitor: Visitor, client: Client, acr: object) {
  const claims = JSON.stringify({ id_token: { acr } });
  const answer = answerIn(await visitor.get(authorizeUrl(client, { claims, prompt: "none" })));
  if (!answer.code) return answer.error;
  return decodeJwt((await redeem(visitor.app, client, answer.code)).id_token).acr;
}

const unmet = "unmet_authentication_requirements";

test("what must be met is what is told, whatever more the session has", async () => {
  const app = await setting.app({ oauth: true, admin: true });
  const client = await makeClient(setting);
  const scopes = ["openid"];
  const strong = await makeAdmin(setting, app, "identity:support");
  const weak = await makeVisitor(setting, app);
  await signIn(weak.visitor, weak.email);
  for (const userId of [strong.id, weak.userId]) {
    await setting.identity.oauth.grantConsent({ userId, appId: client.app._id, scopes });
  }
  const browser = await browserOf(app, strong);
  for (const [acr, ofTwo, ofOne] of [
    [{ essential: true, values: ["1"] }, "1", "1"],
    [{ essential: true, value: "0" }, "0", "0"],
    [{ essential: true, values: ["0", "1"] }, "1", "1"],
    [{ essential: true, values: ["2", "1"] }, "2", "1"],
    [{ essential: true, values: ["1", "2"] }, "2", "1"],
    [{ essential: true, value: "2" }, "2", unmet],
    [{ essential: true, values: [2] }, unmet, unmet],
    [{ essential: true, values: ["gold"] }, unmet, unmet],
    [{ essential: true, values: ["gold", "1"] }, "1", "1"],
    [{ essential: true, values: [] }, "2", "1"],
    [{ essential: true }, "2", "1"],
    [{ values: ["1"] }, "2", "1"],
  ] as const) {
    expect([acr, await answerFor(browser, client, acr)]).toEqual([acr, ofTwo]);
    expect([acr, await answerFor(weak.visitor, client, acr)]).toEqual([acr, ofOne]);
  }
});
