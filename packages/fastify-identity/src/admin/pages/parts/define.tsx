import type { FastifyInstance, FastifyReply } from "fastify";
import type { ComponentType } from "preact";
import { render as renderToString } from "preact-render-to-string";
import type { FormState, PageFrame } from "../../../pages/look/frame.js";
import type { Page } from "../../../pages/page.js";
import { Answered, type Form, type FormDefinition, GoTo } from "../../../pages/serve/define-page.js";
import { addPage } from "../../../pages/serve/serve-page.js";
import { linkTo, type Site } from "../../../pages/site.js";
import { type ActingNow, type AdminContext, actingFor } from "../../acting.js";
import type { Permission } from "../../permissions.js";
import type { AdminFrame, Section } from "./frame.js";

/** The pages of one admin area: what is the same for every request. */
export interface AdminSite extends AdminContext {
  readonly site: Site;
  /** Path before the pages, that of the surrounding app included. */
  readonly prefix: string;
  readonly sections: readonly Section[];
}

/** One request for a page of the admin area. */
export interface AdminRequest {
  readonly admin: AdminSite;
  readonly acting: ActingNow;
  readonly page: Page;
  link(path: string, query?: Readonly<Record<string, string | undefined>>): string;
  /** Member of the path. */
  parameter(name: string): string;
  /** What every page of the area gets. */
  frame(page: PageFrame): AdminFrame;
  /** Shows a document. */
  show<V>(template: Template<V>, view: V, status?: number): Promise<FastifyReply>;
}

type Template<V> = ComponentType<{ view: V; frame: AdminFrame }>;

/** A form of a page, which takes a permission. */
export interface AdminForm extends Omit<FormDefinition, "submit" | "access"> {
  readonly permission: Permission;
  /** False for a form that only looks for something. Default: true. */
  readonly writes?: boolean;
  submit(request: AdminRequest, form: Form): Promise<FastifyReply>;
}

/** A page of the admin area. */
export interface AdminPage<V> {
  /** Below the prefix. */
  readonly path: string;
  readonly permission: Permission;
  readonly template: Template<V>;
  view(request: AdminRequest, state: FormState, form?: Form): Promise<V | GoTo>;
  readonly forms: readonly AdminForm[];
}

/** Adds the routes of a page of the admin area. */
export function addAdminPage<V>(scope: FastifyInstance, admin: AdminSite, definition: AdminPage<V>): void {
  const { permission, template } = definition;
  const begin = async (page: Page, needed: Permission, writes: boolean) =>
    requestOf(admin, page, await actingFor(admin, page.request, { permission: needed, writes }));
  addPage<{ request: AdminRequest; view: V }>(scope, admin.site, {
    path: definition.path,
    access: "session",
    address: (page) => pathOf(admin, page, definition.path),
    view: async (page, state, form) => {
      const request = await begin(page, permission, false);
      const view = await definition.view(request, state, form);
      return view instanceof GoTo || view instanceof Answered ? view : { request, view };
    },
    show: (_page, { request, view }, status) => request.show(template, view, status),
    forms: definition.forms.map((form) => ({
      ...form,
      submit: async (page, sent) =>
        form.submit(await begin(page, form.permission, form.writes ?? true), sent),
    })),
  });
}

/** The address of the page that a request is for, also when it was sent to one of the page's forms. */
function pathOf({ prefix }: AdminSite, { request }: Page, path: string): string {
  const parameters = request.params as Record<string, string>;
  return prefix + path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""));
}

/** A request of an administrator for something of the area's pages. */
export function requestOf(admin: AdminSite, page: Page, acting: ActingNow): AdminRequest {
  const link: AdminRequest["link"] = (path, query) => linkTo(admin, path, query);
  const own: AdminFrame["admin"] = {
    link,
    may: (permission) => acting.permissions.has(permission),
    sections: admin.sections.filter(({ permission }) => acting.permissions.has(permission)),
    impersonation: admin.settings.impersonation !== false,
  };
  const frameOf = (frame: PageFrame): AdminFrame => ({ ...frame, admin: own });
  return {
    admin,
    acting,
    page,
    link,
    parameter: (name) => (page.request.params as Record<string, string>)[name] ?? "",
    frame: frameOf,
    show: (Template, view, status = 200) =>
      page.showHtml(
        (frame) => `<!doctype html>${renderToString(<Template view={view} frame={frameOf(frame)} />)}`,
        status,
      ),
  };
}
