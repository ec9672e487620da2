import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Types } from "mongoose";
import { beforeAll, expect, test } from "vitest";
import { password, useIdentity } from "../support.js";
import { type Admin, auditOf, browserOf, makeAdmin, makeUser } from "./world.js";

const setting = useIdentity();

beforeAll(async () => {
  const user = await setting.identity.users.register({ email: "root@example.com", password });
  await setting.identity.administrators.setRoles({ userId: user._id, roles: ["identity:admin"] });
});

const streams = { heartbeatMs: 20, perAdministrator: 2, perInstance: 3 };

/** Later than whatever a test before has recorded. */
async function world(...roles: Parameters<typeof makeAdmin>[2][]) {
  setting.clock.advance(1);
  const app = await setting.app({ admin: { streams } });
  return { app, admin: await makeAdmin(setting, app, ...roles), user: await makeUser(app) };
}

const record = (userId: Types.ObjectId, severity: "info" | "warning" | "critical" = "warning") => {
  setting.clock.advance(1);
  return setting.identity.securityEvents.record({
    userId,
    kind: "risk_high",
    severity,
    reasons: ["new_country"],
  });
};

interface Message {
  id: string | undefined;
  event: string | undefined;
  data: { id: string; email: string | null; reason?: string; html?: string };
}

/** A client of a stream, over a connection of its own. */
async function follow(app: FastifyInstance, path: string, headers: Record<string, string>) {
  if (!app.server.listening) await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  const connection = new AbortController();
  const { signal } = connection;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers, signal });
  const messages = messagesOf(answer);
  const next = async () => (await messages.next()).value as Message;
  return { answer, next, hangUp: () => connection.abort() };
}

async function* messagesOf({ body }: Response): AsyncGenerator<Message> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    text += read.value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data) yield { id: field("id"), event: field("event"), data: JSON.parse(data) };
    }
  }
}

const path = "/v1/admin/security-events";
const open = (app: FastifyInstance, admin: Admin, query = "", more: Record<string, string> = {}) =>
  follow(app, `${path}/stream${query}`, { ...admin.bearer, ...more });

test("events are listed by user, kind and severity, by pages, and the reading is recorded", async () => {
  const { app, admin, user } = await world("identity:auditor");
  const other = await makeUser(app);
  const first = await record(user.id);
  const second = await record(other.id, "critical");
  const third = await record(user.id);
  const list = async (query: string) => (await admin.get(`/security-events?${query}`)).json();
  const page = await list("kind=risk_high&limit=2");
  expect(page.events).toMatchObject([
    { id: third._id.toHexString(), userId: user.userId, email: user.email, reasons: ["new_country"] },
    { id: second._id.toHexString(), email: other.email, severity: "critical" },
  ]);
  expect((await list(`kind=risk_high&limit=2&before=${page.next}`)).events[0].id).toBe(
    first._id.toHexString(),
  );
  expect((await list("severity=critical")).events).toHaveLength(1);
  expect((await list(`userId=${user.userId}&kind=risk_high`)).events).toHaveLength(2);
  expect((await list("severity=critical&kind=risk_high")).code).toBe("INVALID_INPUT");
  expect(await auditOf(setting, user.id)).toContain("admin.security_events_listed");
});

test("new events come as they are recorded, and Last-Event-ID goes on with the next one", async () => {
  const { app, admin, user } = await world("identity:support");
  // Events of the minute before a position may come again: no test before this one recorded any in it.
  setting.clock.advance(61_000);
  const first = await open(app, admin, "?kind=risk_high");
  expect(Object.fromEntries(first.answer.headers)).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  const one = await record(user.id);
  const other = await record(user.id, "critical");
  const came = [await first.next(), await first.next()];
  expect(came.map(({ event, data }) => [event, data.id, data.email])).toEqual([
    ["security_event", one._id.toHexString(), user.email],
    ["security_event", other._id.toHexString(), user.email],
  ]);
  first.hangUp();
  const missed = await record(user.id);
  const again = await open(app, admin, "?kind=risk_high", { "last-event-id": came[1]?.id ?? "" });
  expect((await again.next()).data.id).toBe(missed._id.toHexString());
  again.hangUp();
  const severe = await open(app, admin, `?severity=critical&since=${one.at.toISOString()}`);
  expect((await severe.next()).data.id).toBe(other._id.toHexString());
  severe.hangUp();
});

test("a position that is none is refused before anything is sent, and HEAD opens no stream", async () => {
  const { app, admin } = await world("identity:support");
  const url = `${path}/stream`;
  const none = await app.inject({ url, headers: { ...admin.bearer, "last-event-id": "none" } });
  expect([none.statusCode, none.json().code]).toEqual([400, "INVALID_INPUT"]);
  for (let count = 0; count < 5; count += 1) {
    const head = await app.inject({ method: "HEAD", url, headers: admin.bearer });
    expect([head.statusCode, head.body]).toEqual([200, ""]);
  }
});

test("an administrator has so many streams, and an instance so many", async () => {
  const { app, admin } = await world("identity:support");
  const opened = [await open(app, admin), await open(app, admin)];
  const third = await admin.get("/security-events/stream");
  expect([third.statusCode, third.json().code, third.headers["retry-after"]]).toEqual([
    429,
    "STREAM_LIMIT",
    "1",
  ]);
  const other = await makeAdmin(setting, app, "identity:auditor");
  opened.push(await open(app, other));
  const more = await makeAdmin(setting, app, "identity:auditor");
  expect((await more.get("/security-events/stream")).json().code).toBe("STREAM_LIMIT");
  for (const { hangUp } of opened) hangUp();
  await expect
    .poll(async () => {
      const { answer, hangUp } = await open(app, more);
      hangUp();
      return answer.status;
    })
    .toBe(200);
});

test.each(["session", "role", "proofs"] as const)("a stream ends with the %s", async (what) => {
  const { app, admin, user } = await world("identity:support");
  const { identity, clock } = setting;
  const stream = await open(app, admin, "?kind=risk_high");
  await record(user.id);
  expect((await stream.next()).event).toBe("security_event");
  if (what === "session") await identity.sessions.revokeAll({ userId: admin.id, reason: "administrator" });
  if (what === "role") await identity.administrators.setRoles({ userId: admin.id, roles: [] });
  clock.advance(what === "proofs" ? 13 * 3_600_000 : 1_000);
  await record(user.id);
  expect(await stream.next()).toMatchObject({ event: "end", data: { reason: "ended" } });
});

test("closing an app ends its streams, and waits for none", async () => {
  const { app, admin } = await world("identity:support");
  const stream = await open(app, admin);
  await app.close();
  expect(await stream.next()).toMatchObject({ event: "end", data: { reason: "closing" } });
});

test("a page shows the newest events with their accounts, and its stream has rows for the script", async () => {
  const { app, admin, user } = await world("identity:support");
  const browser = await browserOf(app, admin);
  await record(user.id, "critical");
  const page = await browser.get("/admin/events?only=critical");
  for (const shown of [user.email, "new_country", "Suspicious sign-in"]) expect(page.body).toContain(shown);
  const [, live = ""] = /data-live="([^"]+)"/.exec(page.body) ?? [];
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const stream = await follow(app, live.replaceAll("&amp;", "&"), {
    "user-agent": browser.headers["user-agent"] ?? "",
    cookie,
  });
  const row = await stream.next();
  expect([row.event, row.data.html]).toEqual(["row", expect.stringContaining(user.email)]);
  stream.hangUp();
  const older = await browser.get(`/admin/events?before=${new Date(0).toISOString()}_${user.userId}`);
  expect(older.body).not.toContain("data-live=");
});

test("nobody follows events without a role for users", async () => {
  const { app, user } = await world("identity:support");
  for (const url of [path, `${path}/stream`]) {
    const asked = await app.inject({ url, headers: user.bearer });
    expect([asked.statusCode, asked.json().code]).toEqual([403, "INSUFFICIENT_ROLE"]);
  }
});
