import { signingAlgorithms } from "@org/db-models/schemas";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { type AdminContext, actingFor } from "../acting.js";
import * as acts from "../acts/signing-keys.js";
import { guarded } from "./guarded.js";
import { reason } from "./schemas.js";

const tags = ["admin"];
const writes = { permission: "keys:write", writes: true } as const;

const keyList = z.object({
  keys: z
    .array(
      z.object({
        kid: z.string(),
        algorithm: z.enum(signingAlgorithms),
        state: z
          .enum(["next", "active", "retired"])
          .describe(
            "`next` is published and does not sign yet; `retired` is published for what it has signed",
          ),
        createdAt: z.date(),
        signsFrom: z.date(),
        publishedUntil: z.date().optional().describe("Absent while it has no successor"),
        sealedWith: z.string().describe("Name of the seal key"),
      }),
    )
    .describe("By algorithm, the oldest first"),
});
const rotateBody = z.strictObject({ algorithm: z.enum(signingAlgorithms), reason });
const withdrawBody = z.strictObject({ kid: z.string().length(43), reason });

/** The keys that sign tokens. */
export const signingKeyRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (
  app,
  { context },
) => {
  app.get(
    "/signing-keys",
    {
      config: guarded(),
      schema: { tags, summary: "List the signing keys", response: { 200: keyList } },
    },
    async (request) => {
      const acting = await actingFor(context, request, { permission: "keys:read", writes: false });
      return { keys: await acts.listSigningKeys(acting) };
    },
  );

  app.post(
    "/signing-keys/rotate",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "Rotate the signing key of an algorithm",
        description: "Publishes a successor, which signs once clients have it; unless one waits already.",
        body: rotateBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await acts.rotateSigningKey(await actingFor(context, request, writes), request.body);
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/signing-keys/withdraw",
    {
      config: guarded("SIGNING_KEY_NOT_FOUND"),
      schema: {
        tags,
        summary: "Withdraw a signing key that others may have",
        description:
          "It is published no longer, and nothing that it signed is taken. Where it signs, its successor signs at once.",
        body: withdrawBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await acts.withdrawSigningKey(await actingFor(context, request, writes), request.body);
      return reply.code(204).send(null);
    },
  );
};
