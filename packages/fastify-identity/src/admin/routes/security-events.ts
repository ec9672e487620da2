import { securityEventKinds, severities } from "@org/db-models/schemas";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { idInput, limitInput, momentInput, pageInput } from "../../http/answers/schemas.js";
import { type AdminContext, actingFor } from "../acting.js";
import * as acts from "../acts/security-events.js";
import { answerStream } from "../answer-stream.js";
import { guarded } from "./guarded.js";
import { securityEvent } from "./schemas.js";

const tags = ["admin"];
const reads = { permission: "users:read", writes: false } as const;

const filter = {
  kind: z.enum(securityEventKinds).optional(),
  severity: z.enum(severities).optional().describe("Exactly this one"),
};

const isOne = ({ severity, kind, userId }: { severity?: unknown; kind?: unknown; userId?: unknown }) =>
  severity === undefined || (kind === undefined && userId === undefined);
const isOneText = "a severity stands alone";

const eventsQuery = z
  .strictObject({
    ...filter,
    userId: idInput.optional().describe("Only those of a user"),
    limit: limitInput,
    before: pageInput.optional().describe("Only older events: `next` of the page before, or a date"),
  })
  .refine(isOne, isOneText);

const knownEvent = securityEvent
  .extend({ email: z.string().nullable().describe("Null where it is nobody's, or the account is gone") })
  .meta({ id: "AdminKnownSecurityEvent" });

const eventPage = z.object({
  events: z.array(knownEvent).describe("The newest first"),
  next: z.string().nullable().describe("`before` of the next page; null at the end"),
});

const streamQuery = z
  .strictObject({
    ...filter,
    since: momentInput
      .optional()
      .describe("Begin with the events from this moment on. Default: new ones only"),
  })
  .refine(isOne, isOneText);

const eventStream = z
  .string()
  .describe(
    "Server-sent events: `security_event` with an event as in the list, and at last `end` with the `reason`: `closing`, " +
      "`too_slow`, `failed`, after which a client comes back, or `ended`, after which it may not",
  );

/** Security events of everybody, by pages and live. */
export const securityEventRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (
  app,
  { context },
) => {
  app.get(
    "/security-events",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List security events",
        querystring: eventsQuery,
        response: { 200: eventPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { limit, before, ...wanted } = request.query;
      const { events, next } = await acts.listEvents(acting, {
        ...wanted,
        page: { limit, ...(before && { before }) },
      });
      return { events: events.map(eventOf), next: next ?? null };
    },
  );

  app.get(
    "/security-events/stream",
    {
      config: guarded("STREAM_LIMIT", "NOT_READY"),
      schema: {
        tags,
        summary: "Follow security events",
        description:
          "As they are recorded, each at least once: `Last-Event-ID` goes on after the last one that came. An event " +
          "may come again, with the same `id`, where the server has no change streams and more than a hundred were recorded " +
          "within a minute. The stream ends with the session, its proofs and the role.",
        produces: ["text/event-stream"],
        querystring: streamQuery,
        response: { 200: eventStream },
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, reads);
      const { since = context.service.clock.now(), ...wanted } = request.query;
      const body = await answerStream(context, request, reply, {
        acting,
        permission: reads.permission,
        event: { action: "admin.security_events_followed" },
        source: (from, signal) =>
          messages(acts.followEvents(acting, wanted, { from: from ?? since, signal })),
      });
      // A stream passes the serializer by; the schema is for the document.
      return reply.send(body as string);
    },
  );
};

async function* messages(followed: AsyncIterable<acts.FollowedEvent>) {
  for await (const { event, position } of followed)
    yield { id: position, event: "security_event", data: eventOf(event) };
}

function eventOf({ _id: id, email, purgeAt: _p, schemaVersion: _v, ...event }: acts.KnownEvent) {
  return { ...event, id, email: email ?? null };
}
