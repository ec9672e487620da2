import { profileChangesSchema } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { audit, byOwner } from "../flows/audit.js";
import { userOf } from "../http/guards/identity-of.js";
import { requesterOf } from "../http/requests.js";
import type { ServiceOptions } from "../service.js";
import { account } from "./schemas/users.js";
import { describeAccount } from "./users.js";

const tags = ["account"];
const config = { identity: "session", identityProblems: ["USER_NOT_FOUND"] } as const;

/** Account and profile of the requester. */
export const profileRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { identity } = service;

  app.get(
    "/profile",
    {
      config: { ...config, identity: { scope: "profile:read" } },
      schema: { tags, summary: "Read your account and profile", response: { 200: account } },
    },
    async (request) => describeAccount(await identity.users.read(userOf(request))),
  );

  app.patch(
    "/profile",
    {
      config: {
        ...config,
        identity: { scope: "profile:write" },
        identityProblems: [...config.identityProblems, "AUDIT_NOT_WRITTEN"],
      },
      schema: {
        tags,
        summary: "Change your profile",
        body: profileChangesSchema,
        response: { 200: account },
      },
    },
    async (request) => {
      const userId = userOf(request);
      const user = await identity.users.updateProfile({ userId, changes: request.body });
      const fields = Object.keys(request.body).sort().join(" ");
      if (fields)
        await audit(service, requesterOf(service, request), byOwner(userId, "profile.changed", { fields }));
      return describeAccount(user);
    },
  );
};
