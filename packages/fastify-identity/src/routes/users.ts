import { type PublicUser, registrationSchema } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { named } from "../http/named.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { accepted } from "./schemas/one-time.js";
import { type Account, account } from "./schemas/users.js";

const problems = [
  "PASSWORD_TOO_COMMON",
  "USERNAME_TAKEN",
  "REGISTRATION_REFUSED",
  "HOOK_FAILED",
  "AUDIT_NOT_WRITTEN",
] as const;

/** Registration. */
export const userRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  if (service.settings.discreetRegistration)
    await app.register(named("discreet route", discreetRoute), { service });
  else await app.register(named("open route", openRoute), { service });
};

/** Tells whether an address has an account. */
const openRoute: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/users",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: ["EMAIL_TAKEN", ...problems],
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

/** Tells nobody whether an address has an account (ASVS 6.3.8). */
const discreetRoute: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  app.post(
    "/users",
    {
      config: {
        identity: "public",
        rateLimit: passwordRateLimit(service),
        identityProblems: [...problems],
      },
      schema: {
        tags: ["account"],
        summary: "Register",
        description:
          "Creates an active account, and sends its address the token that verifies it. The answer is the same for an " +
          "address that has an account already: its owner is sent a token that resets the password instead.",
        body: registrationSchema,
        response: { 202: accepted },
      },
    },
    async (request, reply) => {
      await service.flows.signUp(requesterOf(service, request), request.body);
      return reply.code(202).send({});
    },
  );
};

/** A user in responses. */
export function describeAccount(user: PublicUser): Account {
  const { _id: id, emailVerifiedAt, ...rest } = user;
  return { ...rest, id, emailVerified: emailVerifiedAt !== undefined };
}
