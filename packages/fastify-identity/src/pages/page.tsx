import { randomBytes } from "node:crypto";
import type { PublicUser } from "@org/db-models";
import { randomKey } from "@org/db-models/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Types } from "mongoose";
import { z } from "zod";
import type { SetCookie } from "../flows/cookies.js";
import { factFrom, factWithin } from "../flows/given.js";
import { sessionOf } from "../http/guards/identity-of.js";
import { setCookie, stateOf } from "../http/requests.js";
import { shownAddress } from "./look/address.js";
import type { PageFrame } from "./look/frame.js";
import { type Catalogue, chooseCatalogue, lookUp, plain, type Text } from "./look/language.js";
import type { PageRenderer } from "./options.js";
import { renderPage } from "./render.js";
import { sayIn } from "./say.js";
import { formTokenOf } from "./serve/form-token.js";
import { type FormTargets, setPageHeaders } from "./serve/page-headers.js";
import { linkTo, type Site } from "./site.js";
import type { PageName, PageViews } from "./views.js";

/** One request for a page. */
export class Page {
  readonly site: Site;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  #user: Promise<PublicUser> | undefined;

  constructor(site: Site, request: FastifyRequest, reply: FastifyReply) {
    this.site = site;
    this.request = request;
    this.reply = reply;
  }

  /** The account of a guarded page, read once. */
  user(): Promise<PublicUser> {
    const { identity } = this.request;
    if (!identity?.userId) throw new TypeError("the page has no guard");
    this.#user ??= this.site.service.identity.users.read(identity.userId);
    return this.#user;
  }

  /** A member of the address's query, if it stands there once. */
  query(name: string): string | undefined {
    const value = (this.request.query as Record<string, unknown>)[name];
    return typeof value === "string" ? value : undefined;
  }

  link(path: string, query?: Readonly<Record<string, string | undefined>>): string {
    return linkTo(this.site, path, query);
  }

  setCookie(cookie: SetCookie): void {
    setCookie(this.reply, cookie);
  }

  /** Sets a cookie together with the page, and not with an error in its place. */
  whenShown(cookie: SetCookie): void {
    this.#whenShown.push(cookie);
  }

  readonly #whenShown: SetCookie[] = [];

  /** Shows a page. */
  async show<P extends PageName>(
    name: P,
    view: PageViews[P],
    status = 200,
    targets: FormTargets = "self",
  ): Promise<FastifyReply> {
    const replaced = this.site.settings.replace[name] as PageRenderer<P> | undefined;
    const render = async (frame: PageFrame) =>
      (replaced && (await this.#replacement(name, () => replaced(view, frame)))) ??
      renderPage(name, view, frame);
    return this.showHtml(render, status, targets);
  }

  /** A page of the application's; one that fails, or takes too long, is shown as if it were not replaced. */
  #replacement(name: PageName, render: () => string | Promise<string>): Promise<string | undefined> {
    const given = { part: `pages.replace.${name}`, shape: z.string(), otherwise: undefined };
    return factWithin(this.request.log, given, this.site.service.hookTimeoutMs, render);
  }

  /** Shows a document, which gets what every page needs. */
  async showHtml(
    render: (frame: PageFrame) => string | Promise<string>,
    status = 200,
    targets: FormTargets = "self",
  ): Promise<FastifyReply> {
    const nonce = randomBytes(18).toString("base64url");
    const html = await render(await this.frame(nonce));
    for (const cookie of this.#whenShown) this.setCookie(cookie);
    setPageHeaders(this.site, this.reply, nonce, targets);
    return this.reply.code(status).type("text/html; charset=utf-8").send(html);
  }

  /** Whether the account of the session has a password. */
  async hasPassword(): Promise<boolean> {
    const { identity } = this.site.service;
    return (await identity.externalIdentities.list(sessionOf(this.request))).hasPassword;
  }

  /** Answers the script. */
  json(value: object): FastifyReply {
    const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
    return this.reply.headers(headers).type("application/json; charset=utf-8").send(JSON.stringify(value));
  }

  /** Goes to an address: what was sent is not sent again by a reload. */
  redirect(to: string, notice?: Text): FastifyReply {
    if (notice) this.setCookie(this.site.cookies.set("notice", JSON.stringify(notice)));
    return this.reply.header("cache-control", "no-store").redirect(to, 303);
  }

  /** The texts for the reader, who may have said which language they like. */
  catalogue(liked?: string): Catalogue {
    const wanted = [this.query("ui_locales"), liked];
    return chooseCatalogue(this.site.settings.messages, wanted, this.request.headers["accept-language"]);
  }

  /** The database does not answer: what is shown reads nothing. */
  isBare = false;

  /** What every page gets. */
  async frame(nonce: string): Promise<PageFrame> {
    const { site, request } = this;
    const { settings, name, variables } = site;
    const user = request.identity && !this.isBare ? await this.user().catch(() => undefined) : undefined;
    const catalogue = this.catalogue(user?.profile.language);
    const { lang, dir = "ltr" } = catalogue;
    const dates = {
      dateStyle: "medium",
      timeStyle: "short",
      timeZone: user?.profile.timezone ?? "UTC",
    } as const;
    const account = user && { email: shownAddress(user.email), displayName: user.profile.displayName };
    const frame = {
      lang,
      dir,
      nonce,
      formToken: formTokenOf(this.formKey(), this.account),
      link: (path, query) => this.link(path, query),
      name,
      logo: settings.theme.logo,
      variables,
      footer: undefined,
      t: (id, values) => plain(catalogue, id, values),
      say: sayIn(catalogue),
      date: (at) => new Intl.DateTimeFormat(lang, dates).format(at),
      number: (value) => new Intl.NumberFormat(lang).format(value),
      account,
      impersonation: await this.#impersonation(),
      apps: site.hasApps,
      notice: this.#notice(catalogue),
    } satisfies PageFrame;
    return settings.footer ? { ...frame, footer: this.#footer(settings.footer, frame) } : frame;
  }

  /** A banner that can't be shown is no reason to show a page without it. */
  async #impersonation(): Promise<PageFrame["impersonation"]> {
    const { impersonation } = stateOf(this.request);
    if (!impersonation || this.isBare) return undefined;
    const { email } = await this.site.service.identity.users.read(impersonation.userId);
    return { email, until: impersonation.absoluteExpiresAt };
  }

  #footer(write: (frame: PageFrame) => string, frame: PageFrame): string | undefined {
    const given = { part: "pages.footer", shape: z.string().optional(), otherwise: undefined };
    return factFrom(this.request.log, given, () => write(frame));
  }

  /** Says whose page this is, where no guard has. */
  isOf(userId: Types.ObjectId): void {
    this.#account = userId;
  }

  /** Whose page this is: its forms are for nobody else. */
  get account(): Types.ObjectId | undefined {
    return this.request.identity?.userId ?? this.#account;
  }

  #account: Types.ObjectId | undefined;

  /** The key that shows that a form is ours; the browser keeps it for all its tabs. */
  formKey(): string {
    const { cookies } = this.site;
    const known = cookies.read(this.request.headers.cookie, "form");
    if (known && /^[\w-]{43}$/.test(known)) return known;
    this.#newKey ??= randomKey();
    this.setCookie(cookies.set("form", this.#newKey));
    return this.#newKey;
  }

  #newKey: string | undefined;

  #notice(catalogue: Catalogue): Text | undefined {
    const { cookies } = this.site;
    const kept = cookies.read(this.request.headers.cookie, "notice");
    if (kept === undefined) return undefined;
    this.setCookie(cookies.end("notice"));
    return readNotice(kept, catalogue);
  }
}

function readNotice(kept: string, catalogue: Catalogue): Text | undefined {
  try {
    const { id, values } = JSON.parse(kept) as Text;
    return lookUp(catalogue, id).text === undefined ? undefined : { id, ...(values && { values }) };
  } catch {
    return undefined;
  }
}
