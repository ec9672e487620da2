import type { Passkey, SessionSummary } from "@org/db-models";
import type { FastifyReply } from "fastify";
import { type ToldSession, toldSession } from "../../flows/account/told-session.js";
import { audit, byOwner } from "../../flows/audit.js";
import { IdentityProblem } from "../../flows/problems.js";
import { clientAddressOf } from "../../http/client-address.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { tellsReasons } from "../../http/guards/impersonated.js";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../page.js";
import type { Form, FormDefinition, PageDefinition } from "../serve/define-page.js";
import { fields } from "../serve/fields.js";
import { placeAfter, returnToOf } from "../serve/go-on.js";
import type { PasskeyView, SessionView } from "../views.js";
import { readReports, reportForms } from "./sign-in-reports.js";

const path = "/security";

/** Adds a passkey, also for who must have a second factor and has none. */
export const addPasskey: FormDefinition = {
  name: "passkey",
  path: `${path}/passkeys`,
  access: "any_session",
  limited: true,
  problemAt: { PASSKEY_REFUSED: "name" },
  submit: async (page, form) => {
    const { response, name } = form.read({ response: fields.passkey, name: fields.passkeyName });
    const { service } = page.site;
    const requester = requesterOf(service, page.request);
    await service.flows.addPasskey(requester, sessionOf(page.request), { response, name });
    const returnTo = returnToOf(page);
    const next = returnTo === undefined ? page.link(path) : placeAfter(page, returnTo);
    return page.redirect(next, { id: "passkey.added" });
  },
};

export const securityPage: PageDefinition<"security"> = {
  name: "security",
  path,
  access: "session",
  view: async (page, state) => {
    const { id: current, userId } = sessionOf(page.request);
    const { identity } = page.site.service;
    const [{ security }, factors, sessions, reports] = await Promise.all([
      page.user(),
      identity.factors.read({ userId }),
      identity.sessions.list({ userId }),
      readReports(page),
    ]);
    const views = sessions.map((session) =>
      viewOf(toldSession(session, { reasons: tellsReasons(page.site.service) }), session.id.equals(current)),
    );
    return {
      state,
      factors: {
        totpSince: factors.totp?.confirmedAt,
        recoveryCodes: factors.recoveryCodes,
        apps: identity.factors.kinds.includes("totp"),
      },
      passkeys: identity.policies.factors.passkeys ? factors.passkeys.map(passkeyOf) : undefined,
      rememberedDevices: factors.rememberedDevices.map(({ id, ...device }) => ({
        ...device,
        id: id.toHexString(),
      })),
      recoveryAt: factors.recovery?.availableAt,
      canLink: page.site.service.providers.length > 0,
      sessions: views.sort((one, other) => Number(other.current) - Number(one.current)),
      reports,
      alerts: security.alerts,
      allowlist: security.ipAllowlist,
    };
  },
  forms: [
    sessionForm("end", async (page, sessionId) => {
      const { service } = page.site;
      const { userId, id: current } = sessionOf(page.request);
      const reason = sessionId.equals(current) ? "signed_out" : "signed_out_elsewhere";
      if (!(await service.identity.sessions.revoke({ userId, sessionId, reason }))) {
        throw new IdentityProblem("SESSION_NOT_FOUND");
      }
      await audit(service, requesterOf(service, page.request), byOwner(userId, "session.ended"));
      return page.redirect(page.link(path), { id: "security.session_ended" });
    }),
    ...reportForms(path),
    addPasskey,
    {
      path: `${path}/passkeys/options`,
      answers: "script",
      access: "any_session",
      limited: true,
      submit: async (page) => {
        const { flows } = page.site.service;
        return page.json(await flows.beginPasskeyRegistration(sessionOf(page.request)));
      },
    },
    {
      name: "remove-passkey",
      path: `${path}/passkeys/remove`,
      submit: async (page, form) => {
        const { id } = form.read({ id: fields.id });
        const { service } = page.site;
        await service.flows.removePasskey(requesterOf(service, page.request), sessionOf(page.request), {
          id,
        });
        return page.redirect(page.link(path), { id: "passkey.removed" });
      },
    },
    {
      name: "rename-passkey",
      path: `${path}/passkeys/rename`,
      submit: async (page, form) => {
        const { id, name } = form.read({ id: fields.id, name: fields.passkeyName });
        await page.site.service.flows.renamePasskey(sessionOf(page.request), { id, name });
        return page.redirect(page.link(path), { id: "passkey.renamed" });
      },
    },
    {
      name: "forget-device",
      path: `${path}/devices/forget`,
      submit: async (page, form) => {
        const { id } = form.read({ id: fields.id });
        const { service } = page.site;
        await service.flows.forgetDevices(requesterOf(service, page.request), sessionOf(page.request), id);
        return page.redirect(page.link(path), { id: "devices.forgotten" });
      },
    },
    {
      name: "recovery",
      path: `${path}/recovery/cancel`,
      access: "any_session",
      submit: async (page) => {
        const { service } = page.site;
        const requester = requesterOf(service, page.request);
        await service.flows.cancelRecovery(requester, sessionOf(page.request));
        return page.redirect(page.link(path), { id: "security.recovery_stopped" });
      },
    },
    {
      name: "others",
      path: `${path}/sessions/end-others`,
      access: "recent",
      submit: (page) => endSessions(page, "others"),
    },
    {
      name: "all",
      path: `${path}/sessions/end-all`,
      access: "recent",
      submit: (page) => endSessions(page, "all"),
    },
    {
      name: "alerts",
      path: `${path}/alerts`,
      access: "recent",
      submit: async (page, form) => {
        const alerts = { newDevice: ticked(form, "new_device"), newLocation: ticked(form, "new_location") };
        return changeSecurity(page, { alerts });
      },
    },
  ],
};

export const allowlistPage: PageDefinition<"allowlist"> = {
  name: "allowlist",
  path: `${path}/networks`,
  access: "recent",
  view: async (page, state) => {
    const { security } = await page.user();
    return { state, allowlist: security.ipAllowlist, address: clientAddressOf(page.request) };
  },
  forms: [
    {
      submit: async (page, form) => {
        const { allowlist: ipAllowlist } = form.read({ allowlist: fields.allowlist });
        return changeSecurity(page, { ipAllowlist }, ticked(form, "confirmed"));
      },
    },
  ],
};

const ticked = (form: Form, name: string): boolean => form.text(name) === "yes";

function sessionForm(
  what: string,
  act: (page: Page, sessionId: SessionSummary["id"]) => Promise<FastifyReply>,
): FormDefinition {
  return {
    name: what,
    path: `${path}/sessions/${what}`,
    access: "recent",
    submit: async (page, form) => act(page, form.read({ id: fields.id }).id),
  };
}

async function endSessions(page: Page, scope: "others" | "all"): Promise<FastifyReply> {
  const { service } = page.site;
  const { userId, id: sessionId } = sessionOf(page.request);
  const { sessions } = service.identity;
  const count =
    scope === "all"
      ? await sessions.revokeAll({ userId })
      : await sessions.revokeOthers({ userId, sessionId });
  const requester = requesterOf(service, page.request);
  await audit(service, requester, byOwner(userId, "sessions.ended", { scope }));
  if (scope === "others") {
    return page.redirect(page.link(path), { id: "security.sessions_ended", values: { count } });
  }
  page.setCookie(service.cookies.endSession());
  return page.redirect(page.link("/sign-in"), { id: "sign_out.done" });
}

type Changes = Parameters<Page["site"]["service"]["identity"]["users"]["updateSecurity"]>[0]["changes"];

async function changeSecurity(page: Page, changes: Changes, confirmed = false): Promise<FastifyReply> {
  const { service } = page.site;
  const { userId } = sessionOf(page.request);
  const from = clientAddressOf(page.request) ?? "";
  await service.identity.users.updateSecurity({ userId, changes, from, confirmed });
  const details = { fields: Object.keys(changes).sort().join(" ") };
  const event = byOwner(userId, "security.changed", details);
  await audit(service, requesterOf(service, page.request), event);
  return page.redirect(page.link(path), { id: "security.saved" });
}

function viewOf(session: ToldSession, current: boolean): SessionView {
  const { id, device, location, ip, createdAt, lastSeenAt, risk } = session;
  const place = [location?.city, location?.region, location?.country].filter(Boolean).join(", ");
  const { level } = risk;
  return {
    id: id.toHexString(),
    device: device.label,
    place: place || undefined,
    address: ip,
    createdAt,
    lastSeenAt,
    risk: level === "medium" || level === "high" ? level : undefined,
    impersonation: session.impersonation,
    current,
  };
}

function passkeyOf({ id, name, createdAt, lastUsedAt }: Passkey): PasskeyView {
  return { id: id.toHexString(), name, createdAt, lastUsedAt };
}
