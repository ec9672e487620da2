import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { passwordAlert, passwordReset } from "../flows/alerts.js";
import { audit, byOwner, inVain } from "../flows/audit.js";
import { notifyLater } from "../flows/notify-later.js";
import { originOf } from "../flows/origin.js";
import { ApiError } from "../flows/problems.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { Service, ServiceOptions } from "../service.js";
import { accepted, resetBody, resetRequestBody } from "./one-time.schemas.js";
import { ended } from "./sessions.schemas.js";

const tags = ["account"];

/** The way back in for whoever has forgotten their password. */
export const passwordResetRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/password-reset",
    {
      config: { rateLimit: passwordRateLimit(service) },
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
      const failed = (err: unknown) => request.log.error({ err }, "a request for a reset was not served");
      // Behind the answer, for an account takes longer than nobody.
      service.background.run(() => serve(service, request, request.body.email), failed);
      return reply.code(202).send({});
    },
  );

  app.post(
    "/password-reset/confirm",
    {
      config: {
        rateLimit: passwordRateLimit(service),
        problems: ["TOKEN_INVALID", "AUDIT_NOT_WRITTEN"],
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
    async (request) => {
      const origin = originOf(service, request);
      const result = await service.identity.users.resetPassword({ ...request.body, origin });
      if (!result.ok) {
        await audit(service, request, inVain("password.reset", result));
        throw new ApiError("TOKEN_INVALID", { reason: result.reason });
      }
      // What has happened is told, also when the trail can't be written.
      notifyLater(service, request, passwordAlert("reset", result.email, origin));
      await audit(service, request, byOwner(result.userId, "password.reset"));
      return { ended: result.ended };
    },
  );
};

async function serve(service: Service, request: FastifyRequest, email: string): Promise<void> {
  const origin = originOf(service, request);
  const asked = await service.identity.users.requestPasswordReset({ email, origin });
  const { userId: subjectId } = asked;
  await audit(service, request, {
    action: "password.reset_requested",
    outcome: asked.ok ? "success" : "denied",
    ...(subjectId && { subjectId }),
    ...(!asked.ok && { details: { reason: asked.reason } }),
  });
  if (asked.ok) await service.notifier.send(passwordReset(asked, origin));
}
