import { type PublicUser, registrationSchema } from "@org/db-models";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Types } from "mongoose";
import { emailVerification } from "../flows/alerts.js";
import { audit, byOwner } from "../flows/audit.js";
import { notifyLater } from "../flows/notify-later.js";
import { passwordRateLimit } from "../plugins/rate-limit.js";
import type { Service, ServiceOptions } from "../service.js";
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
        description:
          "Creates an active account, and sends its address the token that verifies it. It does not sign in.",
        body: registrationSchema,
        response: { 201: account },
      },
    },
    async (request, reply) => {
      const user = await service.identity.users.register(request.body);
      await audit(service, request, byOwner(user._id, "account.registered"));
      await verifyNewAddress(service, request, user._id);
      return reply.code(201).header("location", "/v1/profile").send(describeAccount(user));
    },
  );
};

// The account is there: whoever was not sent their token asks for another.
async function verifyNewAddress(
  service: Service,
  request: FastifyRequest,
  userId: Types.ObjectId,
): Promise<void> {
  try {
    const asked = await service.identity.users.requestEmailVerification({ userId });
    if (asked.ok) notifyLater(service, request, emailVerification(asked));
  } catch (err) {
    request.log.error({ err }, "a new address was not sent its token");
  }
}

/** What an answer says of a user. */
export function describeAccount(user: PublicUser): Account {
  const { _id: id, emailVerifiedAt, ...rest } = user;
  return { ...rest, id, emailVerified: emailVerifiedAt !== undefined };
}
