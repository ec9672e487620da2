import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { sessionOf } from "../http/guards/identity-of.js";
import { passwordRateLimit } from "../http/rate-limit.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import {
  factorParams,
  forgotten,
  newPasskey,
  passkey,
  passkeyChanges,
  passkeyCreation,
} from "./schemas/factors.js";

const tags = ["factors"];
// Level 0: who must have a second factor and has none registers it here.
const identity = { acr: 0 } as const;

/** Passkeys and remembered devices of the requester. */
export const passkeyRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const rateLimit = passwordRateLimit(service);

  app.post(
    "/factors/passkeys/options",
    {
      config: {
        identity,
        rateLimit,
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "PASSKEY_LIMIT",
          "USER_NOT_FOUND",
          "PASSKEYS_NOT_CONFIGURED",
        ],
      },
      schema: {
        tags,
        summary: "Begin to add a passkey",
        description:
          "Takes a recent sign-in, with a second factor if there is one already. The options are good for five minutes and " +
          "one answer, in this session.",
        response: { 201: passkeyCreation },
      },
    },
    async (request, reply) => {
      const { options, expiresAt } = await service.flows.beginPasskeyRegistration(sessionOf(request));
      return reply.code(201).send({ options: { ...options }, expiresAt });
    },
  );

  app.post(
    "/factors/passkeys",
    {
      config: {
        identity,
        rateLimit,
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "PASSKEY_REFUSED",
          "PASSKEY_ALREADY_REGISTERED",
          "PASSKEY_LIMIT",
          "PASSKEYS_NOT_CONFIGURED",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Add the passkey that the browser made",
        description: "From then on each sign-in with the password asks for a second factor.",
        body: newPasskey,
        response: { 201: passkey },
      },
    },
    async (request, reply) => {
      const requester = requesterOf(service, request);
      return reply
        .code(201)
        .send(await service.flows.addPasskey(requester, sessionOf(request), request.body));
    },
  );

  app.patch(
    "/factors/passkeys/:id",
    {
      config: { identity: "session", identityProblems: ["FACTOR_NOT_FOUND"] },
      schema: {
        tags,
        summary: "Rename a passkey",
        params: factorParams,
        body: passkeyChanges,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.renamePasskey(sessionOf(request), { ...request.params, ...request.body });
      return reply.code(204).send(null);
    },
  );

  app.delete(
    "/factors/passkeys/:id",
    {
      config: {
        identity: "session",
        identityProblems: [
          "RECENT_AUTHENTICATION_REQUIRED",
          "FACTOR_NOT_FOUND",
          "LAST_WAY_IN",
          "AUDIT_NOT_WRITTEN",
        ],
      },
      schema: {
        tags,
        summary: "Remove a passkey, and with the last factor the recovery codes",
        params: factorParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await service.flows.removePasskey(requesterOf(service, request), sessionOf(request), request.params);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    "/factors/devices",
    {
      config: { identity: "session", identityProblems: ["AUDIT_NOT_WRITTEN"] },
      schema: { tags, summary: "Forget every remembered device", response: { 200: forgotten } },
    },
    async (request) => service.flows.forgetDevices(requesterOf(service, request), sessionOf(request)),
  );

  app.delete(
    "/factors/devices/:id",
    {
      config: { identity: "session", identityProblems: ["FACTOR_NOT_FOUND", "AUDIT_NOT_WRITTEN"] },
      schema: {
        tags,
        summary: "Forget a remembered device",
        params: factorParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const requester = requesterOf(service, request);
      await service.flows.forgetDevices(requester, sessionOf(request), request.params.id);
      return reply.code(204).send(null);
    },
  );
};
