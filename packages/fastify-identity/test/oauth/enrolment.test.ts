// Who must have a second factor and has none comes back to the app that sent them, once they have one.
import { codeOf } from "@org/dev-kit/authenticator-app";
import { expect, test } from "vitest";
import { formToken, secretIn } from "../pages/visitor.js";
import { useIdentity } from "../support.js";
import { answerIn, authorizeUrl, makeClient, makeVisitor, signIn, target } from "./world.js";

const setting = useIdentity();

test("a factor that is added in the middle of an authorization leads back to it", async () => {
  const app = await setting.app({ oauth: true, secondFactor: "always" });
  const client = await makeClient(setting);
  const { visitor, email } = await makeVisitor(setting, app);
  const asked = target(await visitor.get(authorizeUrl(client)));
  expect(asked).toMatch(/^\/account\/authorize\?request=/);
  const signInAt = target(await visitor.get(asked));
  const back = target(await signIn(visitor, email, signInAt));
  const enrolAt = target(await visitor.get(back));
  expect(new URL(enrolAt, "https://id.example.com").searchParams.get("return_to")).toBe(back);
  const action = (body: string, path: string) =>
    (new RegExp(`action="(${path}[^"]*)"`).exec(body)?.[1] ?? "").replaceAll("&amp;", "&");
  const page = await visitor.get(enrolAt);
  const begun = await visitor.post(action(page.body, "/account/security/authenticator"), {
    form_token: formToken(page.body),
  });
  const setup = await visitor.get(target(begun));
  const secret = secretIn(setup.body);
  const confirmAt = action(setup.body, "/account/security/authenticator/confirm");
  const wrong = await visitor.post(confirmAt, { form_token: formToken(setup.body), code: "000000" });
  const again = action(wrong.body, "/account/security/authenticator/confirm");
  expect(again).toBe(confirmAt);
  const code = codeOf(secret, setting.clock.now());
  const confirmed = await visitor.post(again, { form_token: formToken(wrong.body), code });
  const codes = await visitor.get(target(confirmed));
  const made = await visitor.post(action(codes.body, "/account/security/recovery-codes"), {
    form_token: formToken(codes.body),
  });
  expect((await visitor.get(target(made))).body).toContain(`href="${back.replaceAll("&", "&amp;")}"`);
  const consent = await visitor.get(back);
  const answer = await visitor.post(back, { form_token: formToken(consent.body), decision: "allow" });
  expect(answerIn(answer)).toMatchObject({ code: expect.any(String), state: "a state" });
});
