import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { handOver, heldSession } from "../http/guards/held-session.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { named } from "../http/named.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { passkeyRoutes } from "./passkeys.js";
import { recoveryRoutes } from "./recovery.js";
import { accountFactors, newTotp, recoveryCodes, totpConfirmation } from "./schemas/factors.js";
import { renewed } from "./schemas/sessions.js";

const tags = ["factors"];
// Level 0: who must have a second factor and has none enrols it here.
const identity = { acr: 0 } as const;

/** Second factors of the requester. */
export const factorRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const rateLimit = passwordRateLimit(service);

  app.get(
    "/factors",
    {
      config: { identity },
      schema: { tags, summary: "List your second factors", response: { 200: accountFactors } },
    },
    async (request) => service.identity.factors.read(sessionOf(request)),
  );

  app.post(
    "/factors/totp",
    {
      config: {
        identity,
        rateLimit,
        identityProblems: ["RECENT_AUTHENTICATION_REQUIRED", "USER_NOT_FOUND", "SEAL_KEY_MISSING"],
      },
      schema: {
        tags,
        summary: "Begin to add an authenticator app",
        description:
          "Takes a recent sign-in, with a second factor if there is one already; so do the other changes. The app counts " +
          "once it is confirmed, in the place of the one before.",
        response: { 201: newTotp },
      },
    },
    async (request, reply) => reply.code(201).send(await service.flows.enrolTotp(sessionOf(request))),
  );

  app.post(
    "/factors/totp/confirm",
    {
      config: {
        identity,
        rateLimit,
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "CHALLENGE_FAILED",
          "SIGN_IN_DELAYED",
          "SEAL_KEY_MISSING",
          "SEAL_BROKEN",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Confirm the authenticator app with a code",
        description:
          "From then on each sign-in asks for a code. The code is a proof of this session too, whose token is replaced, " +
          "in the cookie or the answer.",
        body: totpConfirmation,
        response: { 200: renewed },
      },
    },
    async (request, reply) => {
      const held = heldSession(service, request);
      const { token, ...expiry } = await service.flows.confirmTotp(
        requesterOf(service, request),
        held,
        request.body,
        (next) => handOver(service, reply, held, next),
      );
      return { ...expiry, userId: held.session.userId, ...(held.by === "bearer" && { token }) };
    },
  );

  app.delete(
    "/factors/totp",
    {
      config: {
        identity: "session",
        identityProblems: ["RECENT_AUTHENTICATION_REQUIRED", "FACTOR_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Remove the authenticator app, and with the last factor the recovery codes",
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.removeTotp(requesterOf(service, request), sessionOf(request));
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/factors/recovery-codes",
    {
      config: {
        identity: "session",
        rateLimit,
        identityProblems: ["RECENT_AUTHENTICATION_REQUIRED", "FACTOR_NOT_FOUND", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Make recovery codes, in the place of those before",
        description: "Ten, each good once in the place of the app.",
        response: { 201: recoveryCodes },
      },
    },
    async (request, reply) =>
      reply
        .code(201)
        .send(await service.flows.createRecoveryCodes(requesterOf(service, request), sessionOf(request))),
  );

  await app.register(named("passkey routes", passkeyRoutes), { service });
  await app.register(named("recovery routes", recoveryRoutes), { service });
};
