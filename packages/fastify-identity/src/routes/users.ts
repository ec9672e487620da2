import { type PublicUser, registrationSchema } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { type Account, account } from "./schemas/users.js";

/** Registration. */
export const userRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/users",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [
          "PASSWORD_TOO_COMMON",
          "EMAIL_TAKEN",
          "USERNAME_TAKEN",
          "REGISTRATION_REFUSED",
          "HOOK_FAILED",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags: ["account"],
        summary: "Register",
        description:
          "Creates an active account, and sends its address the token that verifies it. It does not sign in.",
        body: registrationSchema,
        response: { 201: account },
      },
    },
    async (request, reply) => {
      const user = await service.flows.register(requesterOf(service, request), request.body);
      return reply.code(201).header("location", `${app.prefix}/profile`).send(describeAccount(user));
    },
  );
};

/** A user in responses. */
export function describeAccount(user: PublicUser): Account {
  const { _id: id, emailVerifiedAt, ...rest } = user;
  return { ...rest, id, emailVerified: emailVerifiedAt !== undefined };
}
