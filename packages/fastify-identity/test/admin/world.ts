import type { AdministratorRole } from "@org/db-models";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { Types } from "mongoose";
import { Visitor } from "../pages/visitor.js";
import { type Enrolled, enrolled } from "../second-factor.js";
import { type Person, password, type Setting, someone } from "../support.js";

/** An administrator with two factors, and a program of theirs. */
export interface Admin extends Enrolled {
  readonly id: Types.ObjectId;
  get(path: string): Promise<LightMyRequestResponse>;
  post(path: string, payload?: object): Promise<LightMyRequestResponse>;
  put(path: string, payload: object): Promise<LightMyRequestResponse>;
  patch(path: string, payload: object): Promise<LightMyRequestResponse>;
}

/** Somebody with roles of the admin area, in a session of two factors that were just proved. */
export async function makeAdmin(
  setting: Setting,
  app: FastifyInstance,
  ...roles: AdministratorRole[]
): Promise<Admin> {
  const person = await enrolled(setting, app);
  const id = new Types.ObjectId(person.userId);
  await setting.identity.administrators.setRoles({ userId: id, roles });
  const call = (method: NonNullable<InjectOptions["method"]>, path: string, payload?: object) =>
    app.inject({ method, url: `/v1/admin${path}`, headers: person.bearer, ...(payload && { payload }) });
  return {
    ...person,
    id,
    get: (path) => call("GET", path),
    post: (path, payload = {}) => call("POST", path, payload),
    put: (path, payload) => call("PUT", path, payload),
    patch: (path, payload) => call("PATCH", path, payload),
  };
}

/** A user whom nobody has made an administrator. */
export async function makeUser(app: FastifyInstance): Promise<Person & { id: Types.ObjectId }> {
  const person = await someone(app);
  return { ...person, id: new Types.ObjectId(person.userId) };
}

/** An administrator's browser, in which both factors were just proved. */
export async function browserOf(app: FastifyInstance, { email, nextCode }: Admin): Promise<Visitor> {
  const visitor = new Visitor(app);
  await visitor.send("/account/sign-in", { identifier: email, password });
  const done = await visitor.send("/account/challenge", { code: nextCode() });
  if (done.statusCode !== 303) throw new Error(`${done.statusCode} ${done.body.slice(0, 300)}`);
  return visitor;
}

/** What was recorded about a user, the newest first. */
export async function auditOf({ identity }: Setting, subjectId: Types.ObjectId): Promise<string[]> {
  const events = await identity.audit.list({ subjectId, page: { limit: 200 } });
  return events.map(({ action, outcome }) => (outcome === "success" ? action : `${action} ${outcome}`));
}
