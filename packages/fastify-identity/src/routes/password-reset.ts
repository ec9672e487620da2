import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { accepted, resetBody, resetRequestBody } from "./schemas/one-time.js";
import { ended } from "./schemas/sessions.js";

const tags = ["account"];

/** Password reset for users who have forgotten their password. */
export const passwordResetRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/password-reset",
    {
      config: { identity: "public", rateLimit: passwordRateLimit(service) },
      schema: {
        tags,
        summary: "Ask for a token that resets a password",
        description:
          "It is sent to the account's address. The answer is the same, and comes as soon, whether or not there is such " +
          "an account, it is active, or it was sent too many tokens in the last hour.",
        body: resetRequestBody,
        response: { 202: accepted },
      },
    },
    async (request, reply) => {
      service.flows.requestPasswordReset(requesterOf(service, request), request.body);
      return reply.code(202).send({});
    },
  );

  app.post(
    "/password-reset/confirm",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: ["TOKEN_INVALID", "PASSWORD_TOO_COMMON", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Set another password with the token that was sent",
        description:
          "Ends every session, and opens none: sign in with the new password, which is judged as any sign-in. API keys " +
          "stay.",
        body: resetBody,
        response: { 200: ended },
      },
    },
    async (request) => service.flows.resetPassword(requesterOf(service, request), request.body),
  );
};
