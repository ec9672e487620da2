import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { IdentityProblem } from "../flows/problems.js";
import type { BeginExternalInput, FinishedExternal } from "../flows/sign-in/external-sign-in.js";
import { externalLifetimeMs } from "../flows/sign-in/external-sign-in.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { PageCookies } from "../http/page-cookies.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf, setCookie } from "../http/requests.js";
import type { Service, ServiceOptions } from "../service.js";
import { completionProblems, type Delivery, signInBy } from "./deliver-session.js";
import {
  beginBody,
  begun,
  finishLinkBody,
  finishSignInBody,
  linkedList,
  linkMade,
  providerList,
  providerParams,
} from "./schemas/providers.js";
import { signedIn } from "./schemas/sessions.js";

const tags = ["providers"];
const beginning = ["NOT_FOUND", "REDIRECT_NOT_ALLOWED", "PROVIDER_FAILED"] as const;

/** Signing in with others, linking and unlinking. */
export const providerRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.get(
    "/providers",
    {
      config: { identity: "public" },
      schema: {
        tags,
        summary: "List the providers that people can sign in with",
        response: { 200: providerList },
      },
    },
    async () => ({ providers: service.providers.map(({ id, name }) => ({ id, name })) }),
  );

  app.post(
    "/providers/:provider/sign-in",
    {
      config: { identity: "public", rateLimit: passwordRateLimit(service), identityProblems: beginning },
      schema: {
        tags,
        summary: "Begin a sign-in at a provider",
        description:
          "Send the browser to `url`. What the provider sends it back with goes to `…/sign-in/finish`, from the same client " +
          "and within ten minutes. The pages have a callback of their own, and do not need this.",
        params: providerParams,
        body: beginBody,
        response: { 201: begun },
      },
    },
    async (request, reply) => begin(service, request, reply, { ...request.params, ...request.body }),
  );

  app.post(
    "/providers/:provider/sign-in/finish",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          ...beginning,
          ...completionProblems,
          "ACCOUNT_EXISTS",
          "NO_ACCOUNT",
          "EMAIL_NOT_VERIFIED",
          "REGISTRATION_REFUSED",
          "USER_NOT_FOUND",
        ],
      },
      schema: {
        tags,
        summary: "Sign in with what a provider answered",
        description:
          "Opens a session as `POST /v1/sessions` does: a second factor of the account is asked for here too. Who has no " +
          "account gets one with the address that the provider verified, where the settings say so. An account that has the " +
          "address already is never opened by it.",
        params: providerParams,
        body: finishSignInBody,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { provider } = request.params;
      const { delivery, ...answered } = request.body;
      return signInBy(service, request, reply, delivery, async (_requester, deviceCookie) => {
        const finished = await finish(service, request, reply, { provider, ...answered, deviceCookie });
        if (finished.kind === "signed_in") return finished.signedIn;
        throw new IdentityProblem("PROVIDER_FAILED", { reason: "failed" });
      });
    },
  );

  app.post(
    "/providers/:provider/link",
    {
      config: {
        identity: "session",
        rateLimit: passwordRateLimit(service),
        identityProblems: [...beginning, "RECENT_AUTHENTICATION_REQUIRED"],
      },
      schema: {
        tags,
        summary: "Begin to link your account to a provider",
        description: "As a sign-in begins; it takes a recent sign-in here.",
        params: providerParams,
        body: beginBody,
        response: { 201: begun },
      },
    },
    async (request, reply) =>
      begin(service, request, reply, { ...request.params, ...request.body, session: sessionOf(request) }),
  );

  app.post(
    "/providers/:provider/link/finish",
    {
      config: {
        identity: "session",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          ...beginning,
          "RECENT_AUTHENTICATION_REQUIRED",
          "EXTERNAL_IDENTITY_TAKEN",
          "USER_NOT_FOUND",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Link your account with what a provider answered",
        params: providerParams,
        body: finishLinkBody,
        response: { 200: linkMade },
      },
    },
    async (request, reply) => {
      const finished = await finish(service, request, reply, { ...request.params, ...request.body });
      if (finished.kind === "linked") return { added: finished.added };
      throw new IdentityProblem("PROVIDER_FAILED", { reason: "failed" });
    },
  );

  app.get(
    "/account/providers",
    {
      config: { identity: "session", identityProblems: ["USER_NOT_FOUND"] },
      schema: {
        tags,
        summary: "List the providers that your account is linked to, and whether it has a password",
        response: { 200: linkedList },
      },
    },
    async (request) => service.identity.externalIdentities.list(sessionOf(request)),
  );

  app.delete(
    "/account/providers/:provider",
    {
      config: {
        identity: "session",
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "EXTERNAL_IDENTITY_NOT_FOUND",
          "LAST_WAY_IN",
          "USER_NOT_FOUND",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Unlink your account from a provider",
        description: "It takes a recent sign-in. The last way to sign in stays.",
        params: providerParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.unlinkExternal(requesterOf(service, request), sessionOf(request), request.params);
      return reply.code(204).send(null);
    },
  );
};

type Begin = BeginExternalInput & { readonly delivery: Delivery };

async function begin(service: Service, request: FastifyRequest, reply: FastifyReply, input: Begin) {
  const { delivery, ...rest } = input;
  checkRedirect(service, rest.provider, rest.redirectUri);
  const { url, attempt } = await service.flows.beginExternal(rest).catch((error: unknown) => {
    if (error instanceof IdentityProblem && error.code === "PROVIDER_FAILED")
      request.log.error({ err: error, provider: rest.provider }, "a provider could not be reached");
    throw error;
  });
  const isKept = delivery === "cookie";
  if (isKept) setCookie(reply, cookiesOf(service).set("external", attempt));
  const expiresAt = new Date(service.clock.now().getTime() + externalLifetimeMs);
  return reply.code(201).send({ url: url.href, expiresAt, ...(!isKept && { attempt }) });
}

interface Finish {
  readonly provider: string;
  readonly answer: string;
  readonly attempt?: string | undefined;
  readonly deviceCookie?: string | undefined;
}

/** The attempt is used once: whatever comes of it, the browser has it no more. */
async function finish(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  { provider, answer: address, attempt: given, deviceCookie }: Finish,
): Promise<FinishedExternal> {
  const cookies = cookiesOf(service);
  const kept = cookies.read(request.headers.cookie, "external");
  if (kept !== undefined) setCookie(reply, cookies.end("external"));
  const answer = new URL(address);
  const redirectUri = answer.origin + answer.pathname;
  checkRedirect(service, provider, redirectUri);
  const session = request.identity?.kind === "session" ? request.identity.session : undefined;
  return service.flows.finishExternal(requesterOf(service, request), {
    provider,
    redirectUri,
    attempt: given ?? kept,
    answer,
    session,
    deviceCookie,
  });
}

/**
 * The address is a page of ours, and of this provider alone: an answer of another one that came to the same page could be
 * taken for this one's (RFC 9700 section 4.4.2.2).
 */
function checkRedirect({ settings, providers }: Service, provider: string, redirectUri: string): void {
  if (!providers.some(({ id }) => id === provider)) throw new IdentityProblem("NOT_FOUND");
  const { origin, pathname, href } = new URL(redirectUri);
  const isOurs = [settings.issuer, ...settings.trustedOrigins].includes(origin);
  if (isOurs && href === origin + pathname && pathname.split("/").includes(provider)) return;
  throw new IdentityProblem("REDIRECT_NOT_ALLOWED");
}

function cookiesOf({ settings: { cookies, issuer } }: Service): PageCookies {
  return new PageCookies(cookies.secure ?? issuer.startsWith("https://"), cookies.session);
}
