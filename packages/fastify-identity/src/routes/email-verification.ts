import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { verificationProblems } from "../flows/account/accounts.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { verificationBody, verificationSent } from "./schemas/one-time.js";

const tags = ["account"];

/** Whether an account's address is really its owner's. */
export const emailVerificationRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/email-verification",
    {
      config: {
        identity: "session",
        rateLimit: passwordRateLimit(service),
        identityProblems: [...Object.values(verificationProblems), "NOTICE_NOT_SENT"],
      },
      schema: {
        tags,
        summary: "Send your address another token that verifies it",
        description: "In the place of the one before. Registering has sent the first.",
        response: { 202: verificationSent },
      },
    },
    async (request, reply) => {
      const sent = await service.flows.requestEmailVerification(sessionOf(request));
      return reply.code(202).send(sent);
    },
  );

  app.post(
    "/email-verification/confirm",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: ["TOKEN_INVALID", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Verify an email address with the token that was sent to it",
        description: "Without a session, for the message may be read on another device.",
        body: verificationBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.verifyEmail(requesterOf(service, request), request.body);
      return reply.code(204).send(null);
    },
  );
};
