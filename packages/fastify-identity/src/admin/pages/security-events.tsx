import { readPagePosition } from "@org/db-models/queries";
import { securityEventKinds, severities } from "@org/db-models/schemas";
import type { FastifyInstance } from "fastify";
import { render as renderToString } from "preact-render-to-string";
import { Page } from "../../pages/page.js";
import { actingFor } from "../acting.js";
import { type EventFilter, type FollowedEvent, followEvents, listEvents } from "../acts/security-events.js";
import { answerStream } from "../answer-stream.js";
import { type AdminPage, type AdminRequest, type AdminSite, requestOf } from "./parts/define.js";
import { EventRow, Events, type EventsView } from "./security-events-template.js";

const path = "/events";
const limit = 25;
/** What is recorded late, with an older moment than what the page shows, comes by the stream. */
const overlapMs = 60_000;

export const eventsPage: AdminPage<EventsView> = {
  path,
  permission: "users:read",
  template: Events,
  view: async ({ acting, page, link }) => {
    const [only = "", before] = [page.query("only"), page.query("before")];
    const position = before === undefined ? undefined : readPagePosition(before);
    // Before the list is read: what comes in between is in both.
    const since = new Date(acting.service.clock.now().getTime() - overlapMs).toISOString();
    const list = await listEvents(acting, {
      ...filterOf(only),
      page: { limit, ...(position && { before: position }) },
    });
    const live = position ? undefined : link(`${path}/stream`, { only: only || undefined, since });
    return { ...list, only, live };
  },
  forms: [],
};

/** The events that the page's filter names: of a severity, of a kind, or all. */
function filterOf(only: string): EventFilter {
  const severity = severities.find((one) => one === only);
  return severity ? { severity } : { kind: securityEventKinds.find((one) => one === only) };
}

/** The rows of the page, one by one, as events are recorded. */
export function serveEventRows(scope: FastifyInstance, admin: AdminSite): void {
  const options = {
    config: { identity: { accept: ["session"] } },
    schema: { hide: true } as object,
  } as const;
  scope.get(`${path}/stream`, options, async (request, reply) => {
    const acting = await actingFor(admin, request, { permission: "users:read", writes: false });
    const page = new Page(admin.site, request, reply);
    const rows = rowsOf(requestOf(admin, page, acting));
    const given = new Date(page.query("since") ?? "");
    const since = Number.isNaN(given.getTime()) ? admin.service.clock.now() : given;
    const body = await answerStream(admin, request, reply, {
      acting,
      permission: "users:read",
      event: { action: "admin.security_events_followed" },
      source: (from, signal) =>
        rows(followEvents(acting, filterOf(page.query("only") ?? ""), { from: from ?? since, signal })),
    });
    return reply.send(body);
  });
}

/** Events as messages for the script, which puts a row where it belongs, once. */
function rowsOf({ page, frame: frameOf }: AdminRequest) {
  return async function* (followed: AsyncIterable<FollowedEvent>) {
    const frame = frameOf(await page.frame(""));
    for await (const { event, position } of followed) {
      const html = renderToString(<EventRow event={event} frame={frame} />);
      yield {
        id: position,
        event: "row",
        data: { id: event._id.toHexString(), at: event.at.getTime(), html },
      };
    }
  };
}
