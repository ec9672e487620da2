import { passwordLength } from "@org/db-models";
import type { FastifyReply } from "fastify";
import type { Types } from "mongoose";
import { factorsBesides, hasFactor } from "../../flows/account/assurance.js";
import { audit, byOwner } from "../../flows/audit.js";
import { handOver, heldSession } from "../../http/guards/held-session.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import { shownAddress } from "../look/address.js";
import type { Page } from "../page.js";
import type { PageDefinition } from "../serve/define-page.js";
import { factorCodeOf, fields } from "../serve/fields.js";
import { placeAfter, returnToOf } from "../serve/go-on.js";
import { providersOf } from "../site.js";
import type { ProviderView } from "../views.js";

export const profilePage: PageDefinition<"profile"> = {
  name: "profile",
  path: "",
  access: "session",
  view: async (page, state) => {
    const [{ email, emailVerifiedAt, profile }, hasPassword] = await Promise.all([
      page.user(),
      page.hasPassword(),
    ]);
    const { timezone, language } = profile;
    const languages = ["en", ...page.site.settings.messages.map(({ lang }) => lang)];
    const emailVerified = emailVerifiedAt !== undefined;
    return { state, email, emailVerified, timezone, language, languages, hasPassword };
  },
  forms: [
    {
      name: "profile",
      submit: async (page, form) => {
        const {
          display_name: displayName = null,
          timezone,
          language,
        } = form.read({
          display_name: fields.displayName,
          timezone: fields.timezone,
          language: fields.language,
        });
        const { service } = page.site;
        const { userId } = sessionOf(page.request);
        const changes = { displayName, timezone, language };
        await service.identity.users.updateProfile({ userId, changes });
        const event = byOwner(userId, "profile.changed", { fields: Object.keys(changes).sort().join(" ") });
        await audit(service, requesterOf(service, page.request), event);
        return page.redirect(page.link(""), { id: "profile.saved" });
      },
    },
    {
      name: "verification",
      path: "/verification",
      limited: true,
      submit: async (page) => {
        await page.site.service.flows.requestEmailVerification(sessionOf(page.request));
        const { email } = await page.user();
        return page.redirect(page.link(""), {
          id: "profile.verification_sent",
          values: { email: shownAddress(email) },
        });
      },
    },
  ],
};

export const passwordPage: PageDefinition<"password"> = {
  name: "password",
  path: "/password",
  access: "session",
  view: async (page, state) => {
    const [{ email }, hasPassword] = await Promise.all([page.user(), page.hasPassword()]);
    if (!hasPassword) await page.site.service.flows.requireRecentAuthentication(sessionOf(page.request));
    return { state, email, passwordMin: passwordLength.min, hasPassword };
  },
  forms: [
    {
      limited: true,
      problemAt: { BAD_CREDENTIALS: "password", PASSWORD_TOO_COMMON: "new_password" },
      problemTexts: { BAD_CREDENTIALS: { id: "problem.own_password" } },
      submit: async (page, form) => {
        const { service } = page.site;
        const held = heldSession(service, page.request);
        const requester = requesterOf(service, page.request);
        if (!(await page.hasPassword())) {
          const { new_password: first } = form.read({ new_password: fields.newPassword });
          await service.flows.addPassword(requester, held.session, { newPassword: first });
          return page.redirect(page.link(""), { id: "password.first_done" });
        }
        const { password, new_password: newPassword } = form.read({
          password: fields.password,
          new_password: fields.newPassword,
        });
        await service.flows.changePassword(requester, held, { password, newPassword }, (renewed) =>
          handOver(service, page.reply, held, renewed),
        );
        return page.redirect(page.link(""), { id: "password.done" });
      },
    },
  ],
};

/** Proves again who the user is, and goes on with what took it. */
export const confirmPage: PageDefinition<"confirm"> = {
  name: "confirm",
  path: "/confirm",
  access: "any_session",
  view: async (page, state) => {
    const { email, _id: userId } = await page.user();
    const { identity } = page.site.service;
    const [factors, { linked, hasPassword }] = await Promise.all([
      identity.factors.read({ userId }),
      identity.externalIdentities.list({ userId }),
    ]);
    const isLinked = ({ id }: ProviderView) => linked.some(({ provider }) => provider === id);
    return {
      state,
      email,
      returnTo: returnToOf(page) ?? page.link(""),
      needsCode: hasFactor(factorsBesides(factors, reportedOf(page))),
      reported: page.query("reported"),
      passkeys: factors.passkeys.length > 0,
      hasPassword,
      providers: providersOf(page.site).filter(isLinked),
    };
  },
  forms: [
    {
      limited: true,
      problemAt: { BAD_CREDENTIALS: "password", CHALLENGE_FAILED: "code" },
      problemTexts: { BAD_CREDENTIALS: { id: "problem.own_password" } },
      submit: async (page, form) => {
        const { service } = page.site;
        const { password } = form.read({ password: fields.password });
        const factors = await service.identity.factors.read(sessionOf(page.request));
        const asked = factorsBesides(factors, reportedOf(page));
        const code = hasFactor(asked) ? form.read({ code: fields.anyCode }).code : undefined;
        const codes = code === undefined ? {} : factorCodeOf(code);
        return proveAgain(page, { password, ...codes });
      },
    },
    {
      name: "passkey",
      path: "/confirm/passkey",
      limited: true,
      submit: async (page, form) =>
        proveAgain(page, { passkey: form.read({ response: fields.passkey }).response }),
    },
    {
      path: "/confirm/passkey/options",
      answers: "script",
      limited: true,
      submit: async (page) => page.json(await page.site.service.flows.beginPasskey(sessionOf(page.request))),
    },
  ],
};

/** The session that somebody wants to report, for which the code of an app that it added is not asked for. */
function reportedOf(page: Page): Types.ObjectId | undefined {
  const read = fields.id.schema.safeParse(page.query("reported"));
  return read.success ? read.data : undefined;
}

type Proofs = Parameters<Page["site"]["service"]["flows"]["authenticateAgain"]>[2];

async function proveAgain(page: Page, proofs: Proofs): Promise<FastifyReply> {
  const { service } = page.site;
  const held = heldSession(service, page.request);
  const requester = requesterOf(service, page.request);
  await service.flows.authenticateAgain(requester, held, proofs, (renewed) =>
    handOver(service, page.reply, held, renewed),
  );
  return page.redirect(placeAfter(page, returnToOf(page)));
}
