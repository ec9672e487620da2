import { profileChangesSchema, readUser, updateProfile } from "@org/db-models";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { sessionOf } from "../plugins/authentication.js";
import type { ServiceOptions } from "../service.js";
import { describeAccount } from "./users.js";
import { account } from "./users.schemas.js";

const tags = ["account"];
const config = { auth: "session", problems: ["USER_NOT_FOUND"] } as const;

/** The own account and profile. */
export const profileRoutes: FastifyPluginAsyncZod<ServiceOptions> = async (app, { service }) => {
  const { models } = service.database;

  app.get(
    "/profile",
    { config, schema: { tags, summary: "Read the own account and profile", response: { 200: account } } },
    async (request) => describeAccount(await readUser(models, sessionOf(request).userId)),
  );

  app.patch(
    "/profile",
    {
      config,
      schema: {
        tags,
        summary: "Change the own profile",
        body: profileChangesSchema,
        response: { 200: account },
      },
    },
    async (request) => {
      const input = { userId: sessionOf(request).userId, changes: request.body };
      return describeAccount(await updateProfile(models, input, service.clock.now()));
    },
  );
};
