import { randomKey } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { ServiceOptions } from "../service.js";
import { signIn } from "../sign-in.js";
import { signedIn, signInBody } from "./sessions.schemas.js";

/** Signing in. */
export const signInRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/sessions",
    {
      config: {
        rateLimit: passwordRateLimit(service),
        problems: [
          "SIGN_IN_DELAYED",
          "BAD_CREDENTIALS",
          "USER_NOT_ACTIVE",
          "ADDRESS_NOT_ALLOWED",
          "SESSION_LIMIT_REACHED",
          "SESSIONS_REVOKED",
          "CONTENTION",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags: ["sessions"],
        summary: "Sign in",
        description:
          "Opens a session under the account's cap. Sets the session cookie, or returns the token. After several " +
          "failures the next attempt has to wait, longer each time; a device that was signed in before does not.",
        body: signInBody,
        response: { 201: signedIn },
      },
    },
    async (request, reply) => {
      const { delivery, ...credentials } = request.body;
      const device = request.deviceCookie() ?? (delivery === "cookie" ? randomKey() : undefined);
      const { token, userId, ...session } = await signIn(service, credentials, request, device);
      request.actor = { userId, sessionId: session.id };
      if (delivery === "cookie") reply.setSessionCookie(token, session.idleExpiresAt);
      if (device) reply.setDeviceCookie(device);
      const answer = { ...session, userId, ...(delivery === "token" && { token }) };
      return reply.code(201).header("location", `/v1/sessions/${session.id.toHexString()}`).send(answer);
    },
  );
};
