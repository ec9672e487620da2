import { Types } from "mongoose";
import { expect, it } from "vitest";
import type { Flows } from "../../src/flows/index.js";
import { useIdentity } from "../support.js";
import { begun, makeCast, withImpersonation } from "./impersonation-world.js";

const setting = useIdentity();
const id = new Types.ObjectId();
const nothing = () => undefined;

/** Every flow that takes a session, as an application's own route would call it. */
const calls = {
  authenticateAgain: (f, r, h) => f.authenticateAgain(r, h, { password: "x" }, nothing),
  requireRecentAuthentication: (f, _r, { session }) => f.requireRecentAuthentication(session),
  enrolTotp: (f, _r, { session }) => f.enrolTotp(session),
  confirmTotp: (f, r, h) => f.confirmTotp(r, h, { code: "000000" }, nothing),
  removeTotp: (f, r, { session }) => f.removeTotp(r, session),
  createRecoveryCodes: (f, r, { session }) => f.createRecoveryCodes(r, session),
  beginPasskeyRegistration: (f, _r, { session }) => f.beginPasskeyRegistration(session),
  addPasskey: (f, r, { session }) => f.addPasskey(r, session, { response: {} }),
  renamePasskey: (f, _r, { session }) => f.renamePasskey(session, { id, name: "x" }),
  removePasskey: (f, r, { session }) => f.removePasskey(r, session, { id }),
  forgetDevices: (f, r, { session }) => f.forgetDevices(r, session),
  reportSignIn: (f, r, { session }) => f.reportSignIn(r, session, { sessionId: id }),
  undoSignInReport: (f, r, { session }) => f.undoSignInReport(r, session, { id }),
  cancelRecovery: (f, r, { session }) => f.cancelRecovery(r, session),
  unlinkExternal: (f, r, { session }) => f.unlinkExternal(r, session, { provider: "github" }),
  changePassword: (f, r, h) => f.changePassword(r, h, { password: "x", newPassword: "y" }, nothing),
  requestEmailVerification: (f, _r, { session }) => f.requestEmailVerification(session),
  requestEmailChange: (f, r, { session }) => f.requestEmailChange(r, session, { email: "a@example.com" }),
  addPassword: (f, r, { session }) => f.addPassword(r, session, { newPassword: "x" }),
  eraseAccount: (f, r, { session }) => f.eraseAccount(r, session, {}),
} as const satisfies {
  [Name in keyof Flows]?: (
    flows: Flows,
    requester: Parameters<Flows["signOut"]>[0],
    held: Parameters<Flows["authenticateAgain"]>[1],
  ) => Promise<unknown>;
};

it("who acts for a user is refused by each flow that takes a session, but for its end", async () => {
  const app = await setting.app(withImpersonation(), (before) => {
    before.post("/flows", { config: { identity: "session" } }, async (request) => {
      const { flows } = before.identity;
      const requester = before.identity.requesterOf(request);
      const session = before.identity.sessionOf(request);
      const answers: Record<string, string> = {};
      for (const [name, call] of Object.entries(calls)) {
        answers[name] = await call(flows, requester, { session, token: "x" }).then(
          () => "done",
          (error: { code?: string }) => error.code ?? String(error),
        );
      }
      await flows.signOut(requester, session);
      return answers;
    });
  });
  const { token } = await begun(await makeCast(setting, app));
  const headers = { authorization: `Bearer ${token}` };
  const answers = (await app.inject({ method: "POST", url: "/flows", headers, payload: {} })).json();
  expect(answers).toEqual(Object.fromEntries(Object.keys(calls).map((name) => [name, "IMPERSONATED"])));
  expect((await app.inject({ url: "/v1/session", headers })).statusCode).toBe(401);
});
