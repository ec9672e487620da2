import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { type AdminContext, actingFor } from "../acting.js";
import * as acts from "../acts/users.js";
import { guarded } from "./guarded.js";
import * as schemas from "./schemas.js";

const tags = ["admin"];
const reads = { permission: "users:read", writes: false } as const;
const writes = { permission: "users:write", writes: true } as const;
const nothing = { 204: z.null() };
const params = schemas.userParams;

/** Users, as administrators see them and what they do to them. */
export const userRoutes: FastifyPluginAsyncZod<{ context: AdminContext }> = async (app, { context }) => {
  app.get(
    "/users",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List users",
        querystring: schemas.usersQuery,
        response: { 200: schemas.userPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { limit, before, ...filter } = request.query;
      const page = { limit, ...(before && { before }) };
      const found = await acts.listUsers(acting, { ...filter, page });
      return { users: found.users.map(summaryOf), next: found.next ?? null };
    },
  );

  app.post(
    "/users/search",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "Find users by anything",
        description:
          "A body, because what people are searched by would stay in logs as a part of an address.",
        body: schemas.searchBody,
        response: { 200: schemas.foundUsers },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { by, users, next } = await acts.findUsers(acting, request.body);
      return { by, users: users.map(summaryOf), next: next ?? null };
    },
  );

  app.get(
    "/users/:id",
    {
      config: guarded("USER_NOT_FOUND"),
      schema: { tags, summary: "Read a user", params, response: { 200: schemas.userDetail } },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      return detailOf(await acts.readUser(acting, request.params.id));
    },
  );

  app.get(
    "/users/:id/sessions",
    {
      config: guarded(),
      schema: {
        tags,
        summary: "List a user's sessions, ended ones too",
        params,
        querystring: schemas.sessionsQuery,
        response: { 200: schemas.sessionPage },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, reads);
      const { limit, before } = request.query;
      const page = { limit, ...(before && { before }) };
      const { sessions, next } = await acts.listSessions(acting, request.params.id, page);
      return {
        sessions: sessions.map(({ _id: id, ...session }) => ({ ...session, id })),
        next: next ?? null,
      };
    },
  );

  app.post(
    "/users/:id/sessions/end",
    {
      config: guarded("PROTECTED_ACCOUNT", "USER_NOT_FOUND", "SESSION_NOT_FOUND"),
      schema: {
        tags,
        summary: "End one session of a user, or all",
        params,
        body: schemas.endBody,
        response: { 200: schemas.ended },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, writes);
      const { sessionId, reason } = request.body;
      const userId = request.params.id;
      if (!sessionId) return { ended: await acts.endSessions(acting, { userId, reason }) };
      await acts.endSession(acting, { userId, reason, sessionId });
      return { ended: 1 };
    },
  );

  const simple = [
    ["/lock", "Lock a user", acts.lockUser, ["LAST_ADMINISTRATOR"]],
    ["/unlock", "Unlock a user", acts.unlockUser, ["USER_NOT_ACTIVE"]],
    [
      "/password-reset",
      "Send a user the token that resets the password",
      acts.sendPasswordReset,
      ["USER_NOT_ACTIVE", "NO_PASSWORD", "MESSAGE_LIMIT", "NOTICE_NOT_SENT"],
    ],
  ] as const;
  for (const [path, summary, act, problems] of simple) {
    app.post(
      `/users/:id${path}`,
      {
        config: guarded("PROTECTED_ACCOUNT", "USER_NOT_FOUND", ...problems),
        schema: { tags, summary, params, body: schemas.reasonBody, response: nothing },
      },
      async (request, reply) => {
        const acting = await actingFor(context, request, writes);
        await act(acting, { userId: request.params.id, reason: request.body.reason });
        return reply.code(204).send(null);
      },
    );
  }

  app.post(
    "/users/:id/factors/reset",
    {
      config: guarded("PROTECTED_ACCOUNT", "USER_NOT_FOUND"),
      schema: {
        tags,
        summary: "Remove every second factor of a user",
        description:
          "For who has lost them. The password stays; every session ends; the owner is told by mail.",
        params,
        body: schemas.reasonBody,
        response: { 200: schemas.ended },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, writes);
      return acts.resetFactors(acting, { userId: request.params.id, reason: request.body.reason });
    },
  );

  app.post(
    "/users/:id/verification",
    {
      config: guarded("PROTECTED_ACCOUNT", "EMAIL_ALREADY_VERIFIED"),
      schema: {
        tags,
        summary: "Mark a user's address as verified",
        params,
        body: schemas.verificationBody,
        response: nothing,
      },
    },
    async (request, reply) => {
      const acting = await actingFor(context, request, writes);
      await acts.verifyEmail(acting, { userId: request.params.id, ...request.body });
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/users/:id/erasure",
    {
      config: guarded("PROTECTED_ACCOUNT", "USER_NOT_FOUND", "APPROVAL_REQUIRED", "LAST_ADMINISTRATOR"),
      schema: {
        tags,
        summary: "Erase a user for good",
        description: "Takes what another administrator has approved, unless the service has only one.",
        params,
        body: schemas.erasureBody,
        response: { 200: schemas.erased },
      },
    },
    async (request) => {
      const acting = await actingFor(context, request, { permission: "users:erase", writes: true });
      const { reason, email, approvalId } = request.body;
      return acts.eraseUser(acting, { userId: request.params.id, reason, email, approvalId });
    },
  );
};

function summaryOf(user: acts.ListedUser) {
  const { _id: id, email, emailVerifiedAt, username, profile, status, roles, createdAt, lastActiveAt } = user;
  const { displayName } = profile ?? {};
  return { id, email, emailVerifiedAt, username, displayName, status, roles, createdAt, lastActiveAt };
}

function detailOf(detail: acts.UserDetail) {
  const { user, administrator, hasPassword, linked, factors, sessions, consents, events } = detail;
  return {
    ...summaryOf(user),
    administratorRoles: administrator?.roles ?? [],
    hasPassword,
    linked: [...linked],
    factors: {
      totpSince: factors.totp?.confirmedAt,
      passkeys: factors.passkeys.map(({ id, name, createdAt }) => ({ id, name, createdAt })),
      recoveryCodes: factors.recoveryCodes,
      rememberedDevices: factors.rememberedDevices.length,
    },
    sessions: [...sessions],
    consents: consents.map(({ app, scopes, grantedAt }) => ({
      clientId: app.clientId,
      name: app.name,
      scopes,
      grantedAt,
    })),
    events: events.map(({ _id: id, ...event }) => ({ ...event, id })),
  };
}
