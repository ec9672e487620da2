import type { PendingSignIn } from "../../flows/index.js";
import { IdentityProblem } from "../../flows/problems.js";
import { requesterOf } from "../../http/requests.js";
import type { FormState } from "../look/frame.js";
import type { Page } from "../page.js";
import { type Form, GoTo, type PageDefinition } from "../serve/define-page.js";
import { factorCodeOf, fields } from "../serve/fields.js";
import { returnToOf } from "../serve/go-on.js";
import { type ChallengeMethod, challengeMethods } from "../views.js";
import { admit, deviceOf } from "./sign-in.js";

const over = { id: "challenge.over" } as const;

/** What a held sign-in is asked for. The browser keeps its token, and the address where to go on to. */
export const challengePage: PageDefinition<"challenge"> = {
  name: "challenge",
  path: "/challenge",
  access: "public",
  view: async (page, state, form) => {
    const pending = await pendingOf(page);
    const returnTo = returnToOf(page);
    if (!pending) return new GoTo(page.link("/sign-in", { return_to: returnTo }), over);
    const ask = pending.ask.filter(isMethod);
    const method = methodOf(ask, form?.text("method") ?? page.query("method"));
    const others = ask.filter((one) => one !== method);
    const { canRemember } = pending;
    return { state: method === "passkey" ? atForm(state) : state, method, others, returnTo, canRemember };
  },
  forms: [
    {
      limited: true,
      problemAt: { CHALLENGE_FAILED: "code", BAD_CREDENTIALS: "password" },
      submit: async (page, form) => {
        const returnTo = returnToOf(page);
        const pending = await pendingOf(page);
        if (!pending) return page.redirect(page.link("/sign-in", { return_to: returnTo }), over);
        const proof = proofOf(pending.ask.filter(isMethod), form);
        const deviceCookie = deviceOf(page);
        const { service } = page.site;
        return admit(page, returnTo, deviceCookie, () =>
          service.flows.answerChallenge(requesterOf(service, page.request), {
            challenge: pending.challenge,
            ...proof,
            deviceCookie,
            rememberDevice: form.text("remember") === "yes",
          }),
        );
      },
    },
    {
      path: "/challenge/passkey/options",
      answers: "script",
      submit: async (page) => {
        const { service } = page.site;
        const challenge = tokenOf(page) ?? "";
        const requester = requesterOf(service, page.request);
        return page.json(await service.flows.beginPendingPasskey(requester, { challenge }));
      },
    },
  ],
};

/** A passkey has no field to which an error could lead. */
function atForm({ errors, ...state }: FormState): FormState {
  const [problem] = Object.values(errors);
  return { ...state, errors: {}, ...(problem && { problem }) };
}

const isMethod = (one: unknown): one is ChallengeMethod => challengeMethods.some((method) => method === one);

/** The method that was chosen, if it is asked for; else the first. */
function methodOf(ask: readonly ChallengeMethod[], chosen: string | undefined): ChallengeMethod {
  return ask.find((one) => one === chosen) ?? ask[0] ?? "email";
}

function proofOf(ask: readonly ChallengeMethod[], form: Form) {
  const method = methodOf(ask, form.text("method"));
  if (method === "passkey") return { passkey: form.read({ response: fields.passkey }).response };
  if (method === "password") return form.read({ password: fields.password });
  if (method === "recovery_code") {
    const { code } = form.read({ code: fields.recoveryCode });
    return { recoveryCode: code };
  }
  // Recovery codes are kept beside the app's, and typed where the first field is.
  if (method === "totp" && ask.includes("recovery_code")) {
    return factorCodeOf(form.read({ code: fields.anyCode }).code);
  }
  const { code } = form.read({ code: fields.code });
  return method === "totp" ? { totp: code } : { code };
}

const tokenOf = ({ site, request }: Page) => site.cookies.read(request.headers.cookie, "pending");

/** The sign-in that waits in this browser; `undefined` for one that nobody can go on with. */
async function pendingOf(page: Page): Promise<(PendingSignIn & { challenge: string }) | undefined> {
  const challenge = tokenOf(page);
  if (challenge === undefined) return undefined;
  const { service } = page.site;
  try {
    const requester = requesterOf(service, page.request);
    return { challenge, ...(await service.flows.readPending(requester, { challenge })) };
  } catch (error) {
    if (!(error instanceof IdentityProblem) || error.code !== "CHALLENGE_FAILED") throw error;
    page.setCookie(page.site.cookies.end("pending"));
    return undefined;
  }
}
