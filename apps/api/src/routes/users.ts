import { type PublicUser, registerUser, registrationSchema } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { audit, byOwner } from "../audit.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { ServiceOptions } from "../service.js";
import { type Account, account } from "./users.schemas.js";

/** Registration. */
export const userRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/users",
    {
      config: {
        rateLimit: passwordRateLimit(service),
        problems: ["EMAIL_TAKEN", "USERNAME_TAKEN", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags: ["account"],
        summary: "Register",
        description: "Creates an active account. It does not sign in.",
        body: registrationSchema,
        response: { 201: account },
      },
    },
    async (request, reply) => {
      const user = await registerUser(service.database.models, request.body, service.clock.now());
      await audit(service, request, byOwner(user._id, "account.registered"));
      return reply.code(201).header("location", "/v1/profile").send(describeAccount(user));
    },
  );
};

/** What an answer says of a user. */
export function describeAccount(user: PublicUser): Account {
  const { _id: id, emailVerifiedAt, ...rest } = user;
  return { ...rest, id, emailVerified: emailVerifiedAt !== undefined };
}
