import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { emailChangeProblems } from "../flows/account/email-change.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import {
  emailChangeBody,
  emailChangeUndone,
  verificationBody,
  verificationSent,
} from "./schemas/one-time.js";

const tags = ["account"];

/** Changing an account's address. */
export const emailChangeRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const rateLimit = passwordRateLimit(service);

  app.post(
    "/email-change",
    {
      config: {
        identity: "session",
        rateLimit,
        identityProblems: [...emailChangeProblems, "RECENT_AUTHENTICATION_REQUIRED", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Ask for another email address",
        description:
          "Takes a recent sign-in, with a second factor if the account has one. A token goes to the new address, and one " +
          "that undoes the change to the present one; nothing changes before the former is used. The answer is the same " +
          "for an address that another account has.",
        body: emailChangeBody,
        response: { 202: verificationSent },
      },
    },
    async (request, reply) => {
      const requester = requesterOf(service, request);
      const asked = await service.flows.requestEmailChange(requester, sessionOf(request), request.body);
      return reply.code(202).send(asked);
    },
  );

  app.post(
    "/email-change/confirm",
    {
      config: {
        identity: "public",
        rateLimit,
        identityProblems: ["TOKEN_INVALID", "EMAIL_TAKEN", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Give an account its new address with the token that was sent there",
        description:
          "Without a session, for the message may be read on another device. The address is verified by it. Sessions go on; " +
          "the owner of the address before is told, and can undo it.",
        body: verificationBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.confirmEmailChange(requesterOf(service, request), request.body);
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/email-change/undo",
    {
      config: {
        identity: "public",
        rateLimit,
        identityProblems: ["TOKEN_INVALID", "EMAIL_TAKEN", "CONTENTION", "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Undo a change of address with the token that the address before was sent",
        description:
          "Before it was confirmed as after. The account has its address back; every session ends, and what was added " +
          "since the change was asked for and lets somebody in: API keys, consents, linked identities, passkeys, " +
          "remembered devices. The password opens nothing any more: a token that sets another is sent to the address.",
        body: verificationBody,
        response: { 200: emailChangeUndone },
      },
    },
    async (request) => service.flows.undoEmailChange(requesterOf(service, request), request.body),
  );
};
