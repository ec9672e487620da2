import { duration } from "@org/db-models/core";
import { readPagePosition } from "@org/db-models/queries";
import type { FastifyReply } from "fastify";
import { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import type { Text } from "../../pages/look/language.js";
import type { Form as SentForm } from "../../pages/serve/define-page.js";
import type { Acting } from "../acting.js";
import { requestErasure } from "../acts/administrators.js";
import { endApiKey, listApiKeys } from "../acts/apps.js";
import * as acts from "../acts/users.js";
import { approvalFor, erasure, impersonation, openApproval } from "../approvals.js";
import { isActable, requestImpersonation, startImpersonation } from "../impersonation/acts.js";
import type { AdminSettings, ImpersonationRules } from "../options.js";
import type { AdminForm, AdminPage, AdminRequest } from "./parts/define.js";
import { fields } from "./parts/fields.js";
import { User } from "./user-template.js";
import type { UserView } from "./user-view.js";

const path = "/users/:id";
const shownKeys = 50;

/** The account of the address. */
function idOf({ parameter }: AdminRequest): Types.ObjectId {
  const id = parameter("id");
  if (!/^[0-9a-f]{24}$/.test(id)) throw new IdentityProblem("NOT_FOUND");
  return new Types.ObjectId(id);
}

/** The page of a user; with the forms to act for them where there are rules for it. */
export const userPage = (rules: AdminSettings["impersonation"]): AdminPage<UserView> => ({
  path,
  permission: "users:read",
  template: User,
  view: async (request, state) => {
    const { acting, page } = request;
    const userId = idOf(request);
    const before = page.query("before");
    const position = before === undefined ? undefined : readPagePosition(before);
    const [detail, history, keys, approvalId, impersonation] = await Promise.all([
      acts.readUser(acting, userId),
      acts.listSessions(acting, userId, { limit: 20, ...(position && { before: position }) }),
      listApiKeys(acting, userId, { limit: shownKeys }),
      acting.permissions.has("users:erase")
        ? approvalFor(acting, { action: erasure, subjectId: userId })
        : undefined,
      impersonationOf(acting, userId),
    ]);
    const { sessions: past, next } = history;
    const { twoAdministrators } = acting.settings;
    const own = userId.equals(acting.userId);
    const { apiKeys } = keys;
    return { state, detail, past, next, own, apiKeys, approvalId, twoAdministrators, impersonation };
  },
  forms: [
    about("end-all", "users:write", async (acting, target) => {
      const count = await acts.endSessions(acting, target);
      return { id: "admin.done_sessions_ended", values: { count } };
    }),
    {
      ...about("end-session", "users:write", async (acting, target, form) => {
        const { session: sessionId } = form.read({ session: fields.id });
        await acts.endSession(acting, { ...target, sessionId });
        return { id: "admin.done_session_ended" };
      }),
    },
    about("end-key", "users:write", async (acting, target, form) => {
      const { key: keyId } = form.read({ key: fields.id });
      await endApiKey(acting, { ...target, keyId });
      return { id: "admin.done_key_ended" };
    }),
    about("lock", "users:write", async (acting, target) => {
      await acts.lockUser(acting, target);
      return { id: "admin.done_locked" };
    }),
    about("unlock", "users:write", async (acting, target) => {
      await acts.unlockUser(acting, target);
      return { id: "admin.done_unlocked" };
    }),
    about("verify", "users:write", async (acting, target, form) => {
      await acts.verifyEmail(acting, { ...target, email: form.text("email") });
      return { id: "admin.done_verified" };
    }),
    about("password-reset", "users:write", async (acting, target) => {
      await acts.sendPasswordReset(acting, target);
      return { id: "admin.done_reset_sent" };
    }),
    about("reset-factors", "users:write", async (acting, target) => {
      const { ended } = await acts.resetFactors(acting, target);
      return { id: "admin.done_factors_reset", values: { count: ended } };
    }),
    ...(rules ? impersonationForms(rules) : []),
    about("request-erasure", "users:erase", async (acting, target) => {
      await requestErasure(acting, target);
      return { id: "admin.done_approval_requested" };
    }),
    {
      name: "erase",
      path: `${path}/erase`,
      permission: "users:erase",
      problemAt: { INVALID_INPUT: "email" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_confirm_email" } },
      submit: async (request, form) => {
        const { reason } = form.read({ reason: fields.reason });
        const approval = form.text("approval");
        const approvalId = /^[0-9a-f]{24}$/.test(approval) ? new Types.ObjectId(approval) : undefined;
        const order = { userId: idOf(request), reason, email: form.text("email"), approvalId };
        await acts.eraseUser(request.acting, order);
        return request.page.redirect(request.link("/users"), { id: "admin.done_erased" });
      },
    },
  ],
});

/** What the reader may do to act for a user. */
async function impersonationOf(acting: Acting, userId: Types.ObjectId): Promise<UserView["impersonation"]> {
  const { impersonation: rules } = acting.settings;
  if (!rules || !acting.permissions.has("users:impersonate")) return undefined;
  if (!(await isActable(acting, await acting.service.identity.users.read(userId)))) return undefined;
  const approval = await openApproval(acting, { action: impersonation, subjectId: userId });
  return { approval, minutes: Math.ceil(rules.lifetimeMs / duration.minute), showReason: rules.showReason };
}

const impersonationForms = (rules: ImpersonationRules): AdminForm[] => [
  about("request-impersonation", "users:impersonate", async (acting, target) => {
    await requestImpersonation(acting, target);
    return { id: "admin.done_approval_requested" };
  }),
  {
    name: "impersonate",
    path: `${path}/impersonate`,
    permission: "users:impersonate",
    submit: async (request, form) => {
      const { acting, page } = request;
      const { approval: approvalId } = form.read({ approval: fields.id });
      const order = { userId: idOf(request), approvalId };
      const { token } = await startImpersonation(acting, rules, order);
      page.setCookie(acting.service.cookies.impersonation(token));
      return page.redirect(page.link("/impersonation"));
    },
  },
];

/** A form that does something to the user of the page, for a reason. */
function about(
  name: string,
  permission: AdminForm["permission"],
  act: (acting: Acting, target: acts.AboutUser, form: SentForm) => Promise<Text>,
): AdminForm {
  return {
    name,
    path: `${path}/${name}`,
    permission,
    submit: async (request, form): Promise<FastifyReply> => {
      const { reason } = form.read({ reason: fields.reason });
      const userId = idOf(request);
      const notice = await act(request.acting, { userId, reason }, form);
      return request.page.redirect(request.link(`/users/${userId.toHexString()}`), notice);
    },
  };
}
