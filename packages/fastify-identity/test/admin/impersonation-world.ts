import type { AdministratorRole } from "@org/db-models";
import { parse } from "cookie";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { Types } from "mongoose";
import type { IdentityPluginOptions } from "../../src/index.js";
import type { Visitor } from "../pages/visitor.js";
import type { Person, Setting } from "../support.js";
import { type Admin, browserOf, makeAdmin, makeUser } from "./world.js";

export const reason = "Ticket 4711";

/** The cookie of a session, as a browser has it. */
export const sessionCookie = "__Host-session";
/** That of an impersonation. */
export const cookieName = `${sessionCookie}-impersonation`;

/** Options with the admin area in which administrators may act for users. */
export const withImpersonation = (
  impersonation: Exclude<IdentityPluginOptions["admin"], boolean | undefined>["impersonation"] = true,
  changed: Partial<IdentityPluginOptions> = {},
): Partial<IdentityPluginOptions> => ({ admin: { impersonation }, ...changed });

/** An administrator who approves, one who acts, and a user. */
export interface Cast {
  readonly app: FastifyInstance;
  readonly setting: Setting;
  readonly chief: Admin;
  readonly helper: Admin;
  readonly user: Person & { id: Types.ObjectId };
}

export async function makeCast(
  setting: Setting,
  app: FastifyInstance,
  ...more: AdministratorRole[]
): Promise<Cast> {
  const chief = await makeAdmin(setting, app, "identity:admin");
  const helper = await makeAdmin(setting, app, "identity:impersonator", ...more);
  const user = await makeUser(app);
  return { app, setting, chief, helper, user };
}

/** Has the act approved: by the routes, as programs do. */
export async function approved({ chief, helper, user }: Cast): Promise<string> {
  const order = { action: "user.impersonate", userId: user.id.toHexString(), reason };
  const asked = await helper.post("/approvals", order);
  if (asked.statusCode !== 201) throw new Error(asked.body);
  const { id } = asked.json();
  const decided = await chief.post(`/approvals/${id}/decision`, { approve: true });
  if (decided.statusCode !== 204) throw new Error(decided.body);
  return id;
}

/** What a program of the administrator's has, that acts for the user. */
export interface ActingProgram {
  readonly token: string;
  readonly id: string;
  call(
    method: NonNullable<InjectOptions["method"]>,
    url: string,
    payload?: object,
  ): Promise<LightMyRequestResponse>;
}

export async function actingProgram(cast: Cast): Promise<ActingProgram> {
  const approvalId = await approved(cast);
  const begun = await cast.helper.post(`/users/${cast.user.id.toHexString()}/impersonation`, { approvalId });
  if (begun.statusCode !== 201) throw new Error(begun.body);
  const { token, id } = begun.json();
  const headers = { authorization: `Bearer ${token}` };
  return {
    token,
    id,
    call: (method, url, payload) => cast.app.inject({ method, url, headers, ...(payload && { payload }) }),
  };
}

/** The administrator's browser, once it acts for the user: by the pages. */
export async function actingBrowser(cast: Cast): Promise<Visitor> {
  const [asks, approves] = [await browserOf(cast.app, cast.helper), await browserOf(cast.app, cast.chief)];
  const page = `/admin/users/${cast.user.id.toHexString()}`;
  await sendTo(asks, page, "request-impersonation", { reason });
  const { body } = await approves.get("/admin/approvals");
  const id = /name="id" value="([0-9a-f]{24})"/.exec(body)?.[1] ?? "";
  await sendTo(approves, "/admin/approvals", "approve", { id });
  const shown = await asks.get(page);
  const approval = /name="approval" value="([0-9a-f]{24})"/.exec(shown.body)?.[1] ?? "";
  await sendTo(asks, page, "impersonate", { approval });
  if (!asks.cookies.has(cookieName)) throw new Error("the browser acts for nobody");
  return asks;
}

/** Sends a form of a page, which goes to a path below it. */
export async function sendTo(
  visitor: Visitor,
  page: string,
  form: string,
  fields: Record<string, string>,
): Promise<LightMyRequestResponse> {
  const { body } = await visitor.get(page);
  const form_token = /name="form_token" value="([^"]*)"/.exec(body)?.[1] ?? "";
  return visitor.post(`${page}/${form}`, { form_token, ...fields });
}

/** Begins by the operations alone, beside a cookie of the administrator's: by default {@link Admin.cookie}. */
export async function begun(
  { setting, helper, user }: Cast,
  cookie = helper.cookie.cookie,
): Promise<{ token: string; id: Types.ObjectId }> {
  const { identity } = setting;
  const own = await identity.sessions.validate(parse(cookie)[sessionCookie]);
  const actorSession = own.ok ? own.session.id : new Types.ObjectId();
  const result = await identity.impersonations.start({
    userId: user.id,
    actor: helper.id,
    actorSession,
    reason,
  });
  if (!result.ok) throw new Error(result.reason);
  return result;
}
