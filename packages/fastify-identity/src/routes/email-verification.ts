import type { EmailVerificationRequest } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { emailVerification } from "../flows/alerts.js";
import { audit, byOwner, inVain } from "../flows/audit.js";
import { originOf } from "../flows/origin.js";
import { ApiError, type ProblemCode } from "../flows/problems.js";
import { sessionOf } from "../plugins/authentication.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { ServiceOptions } from "../service.js";
import { verificationBody, verificationSent } from "./one-time.schemas.js";

const tags = ["account"];

type Refusal = Extract<EmailVerificationRequest, { ok: false }>["reason"];

const problemOf = {
  unknown: "USER_NOT_FOUND",
  not_active: "USER_NOT_ACTIVE",
  already_verified: "EMAIL_ALREADY_VERIFIED",
  too_many_messages: "MESSAGE_LIMIT",
} as const satisfies Record<Refusal, ProblemCode>;

/** Whether an account's address is really its owner's. */
export const emailVerificationRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.post(
    "/email-verification",
    {
      config: {
        auth: "session",
        rateLimit: passwordRateLimit(service),
        problems: [...Object.values(problemOf), "NOTICE_NOT_SENT"],
      },
      schema: {
        tags,
        summary: "Send the own address another token that verifies it",
        description: "In the place of the one before. Registering has sent the first.",
        response: { 202: verificationSent },
      },
    },
    async (request, reply) => {
      const { userId } = sessionOf(request);
      const asked = await identity.users.requestEmailVerification({ userId });
      if (!asked.ok) throw new ApiError(problemOf[asked.reason]);
      try {
        await service.notifier.send(emailVerification(asked));
      } catch (cause) {
        throw new ApiError("NOTICE_NOT_SENT", {}, { cause });
      }
      return reply.code(202).send({ expiresAt: asked.expiresAt });
    },
  );

  app.post(
    "/email-verification/confirm",
    {
      config: {
        rateLimit: passwordRateLimit(service),
        problems: ["TOKEN_INVALID", "AUDIT_NOT_WRITTEN"],
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
      const input = { ...request.body, origin: originOf(service, request) };
      const result = await identity.users.verifyEmail(input);
      if (!result.ok) {
        await audit(service, request, inVain("email.verified", result));
        throw new ApiError("TOKEN_INVALID", { reason: result.reason });
      }
      await audit(service, request, byOwner(result.userId, "email.verified"));
      return reply.code(204).send(null);
    },
  );
};
