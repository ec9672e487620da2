import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { sessionOf } from "../http/guards/identity-of.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import {
  recoveryCancellation,
  recoveryCompletion,
  recoveryRequest,
  recoveryState,
} from "./schemas/factors.js";
import { ended } from "./schemas/sessions.js";

const tags = ["factors"];
const passwordProblems = [
  "SIGN_IN_DELAYED",
  "BAD_CREDENTIALS",
  "USER_NOT_ACTIVE",
  "RECOVERY_REFUSED",
] as const;

/** Recovery of who has lost every second factor. */
export const recoveryRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const rateLimit = passwordRateLimit(service);

  app.post(
    "/factors/recovery",
    {
      config: {
        identity: "public",
        rateLimit,
        identityProblems: [...passwordProblems, "FACTOR_NOT_FOUND", "MESSAGE_LIMIT", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Say that every second factor is lost",
        description:
          "Takes the password, and begins a wait in which the account's owner, who is told, can cancel it. Once the wait is " +
          "over the same request mails a token. A password that was set by mail does not suffice.",
        body: recoveryRequest,
        response: { 202: recoveryState },
      },
    },
    async (request, reply) =>
      reply.code(202).send(await service.flows.requestRecovery(requesterOf(service, request), request.body)),
  );

  app.post(
    "/factors/recovery/confirm",
    {
      config: {
        identity: "public",
        rateLimit,
        identityProblems: [...passwordProblems, "TOKEN_INVALID", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Remove every second factor with the mailed token",
        description: "Ends every session, and opens none: sign in with the password, and add another factor.",
        body: recoveryCompletion,
        response: { 200: ended },
      },
    },
    async (request) => service.flows.completeRecovery(requesterOf(service, request), request.body),
  );

  app.post(
    "/factors/recovery/cancel",
    {
      config: { identity: "public", rateLimit, identityProblems: ["TOKEN_INVALID", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Cancel a recovery with the token of its notice",
        body: recoveryCancellation,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.cancelRecovery(requesterOf(service, request), request.body);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    "/factors/recovery",
    {
      config: { identity: { acr: 0 }, identityProblems: ["FACTOR_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: { tags, summary: "Cancel the recovery of your account", response: { 204: z.null() } },
    },
    async (request, reply) => {
      await service.flows.cancelRecovery(requesterOf(service, request), sessionOf(request));
      return reply.code(204).send(null);
    },
  );
};
