import type { ActiveSession } from "@org/db-models";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { audit, byOwner } from "../../flows/audit.js";
import { IdentityProblem } from "../../flows/problems.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { requesterOf } from "../../http/requests.js";
import type { Page } from "../../pages/page.js";
import { FieldErrors, type Form, type PageDefinition } from "../../pages/serve/define-page.js";
import { ShownOnce } from "../../pages/serve/kept-secret.js";
import { linkTo } from "../../pages/site.js";
import { boundTo } from "../bound-session.js";
import { OAuthError } from "../oauth-error.js";
import { type Provider, seconds } from "../provider.js";
import { authenticateClient } from "../tokens/authenticate-client.js";
import type { Parameters } from "./parameters.js";

const path = "/device";

/** Gives a device its codes (RFC 8628 section 3.1). */
export async function authorizeDevice(provider: Provider, request: FastifyRequest): Promise<object> {
  const { service, site } = provider;
  const parameters = request.body as Parameters;
  const { client } = await authenticateClient(provider, request, parameters);
  const resources = [...parameters.all("resource")];
  const codes = await service.identity.oauth.beginDevice({
    client,
    scope: parameters.one("scope"),
    audiences: resources.length > 0 ? resources : undefined,
  });
  if (!codes.ok) throw new OAuthError(codes.error, "the device may not ask for this");
  const page = `${service.settings.issuer}${linkTo(site, path)}`;
  return {
    device_code: codes.deviceCode,
    user_code: codes.userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?${new URLSearchParams({ user_code: codes.userCode })}`,
    expires_in: seconds(codes.expiresAt) - seconds(service.clock.now()),
    interval: Math.ceil(codes.intervalMs / 1_000),
  };
}

/**
 * The page where a user types a device's code. Also an address that has the code asks for a comparison: somebody may have
 * sent it to connect a device of theirs (RFC 8628 section 5.4).
 */
export function devicePage(provider: Provider): PageDefinition<"device"> {
  const { oauth } = provider.service.identity;
  return {
    name: "device",
    path,
    access: "session",
    view: async (page, state, form) => ({
      state,
      userCode: form?.text("user_code") ?? page.query("user_code")?.slice(0, 16) ?? "",
      asking: undefined,
      done: done.take(page),
    }),
    forms: [
      {
        // The code is short: it can't be found by trying (RFC 8628 section 5.1).
        limited: true,
        answers: "looks_up",
        submit: async (page, form) => {
          const userCode = form.text("user_code");
          const device = await oauth.findDevice({ userCode });
          if (!device) throw unknownCode();
          const { email } = await page.user();
          const asking = { app: device.app.name, email, scopes: device.scopes };
          const state = { values: {}, errors: {} };
          return page.show("device", { state, userCode, asking, done: undefined });
        },
      },
      { path: `${path}/decision`, limited: true, submit: (page, form) => decideOn(provider, page, form) },
    ],
  };
}

const unknownCode = () => new FieldErrors({ user_code: { id: "device.unknown" } });

const decision = z.enum(["allow", "deny"]);
/** What was decided, for the page that says so. */
const done = new ShownOnce("device", z.enum(["allowed", "denied"]));

async function decideOn(provider: Provider, page: Page, form: Form): Promise<FastifyReply> {
  const { oauth } = provider.service.identity;
  const session = sessionOf(page.request);
  const userCode = form.text("user_code");
  const device = await oauth.findDevice({ userCode });
  const answer = decision.safeParse(form.text("decision"));
  if (!device) throw unknownCode();
  if (!answer.success) throw new IdentityProblem("INVALID_INPUT");
  const approved = answer.data === "allow";
  const { userId, id: sessionId } = session;
  const facts = factsOf(session, device.scopes);
  const decided = await oauth.decideOnDevice({ userCode, userId, sessionId, approved, facts });
  if (!decided) throw unknownCode();
  const event = byOwner(userId, approved ? "oauth.device_allowed" : "oauth.device_denied", {
    client: device.app.clientId,
    scope: device.scopes.join(" ").slice(0, 512),
  });
  await audit(provider.service, requesterOf(provider.service, page.request), event);
  return page.redirect(page.link(path, done.hand(page, approved ? "allowed" : "denied")));
}

const factsOf = ({ id, authenticatedAt, acr, amr }: ActiveSession, scopes: readonly string[]) => ({
  authenticatedAt,
  acr,
  amr: [...amr],
  ...boundTo(id, scopes),
});
