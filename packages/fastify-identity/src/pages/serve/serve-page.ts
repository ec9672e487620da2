import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { IdentityAccess } from "../../access.js";
import { type IdentityProblem, type ProblemCode, toProblem } from "../../flows/problems.js";
import { sessionOf } from "../../http/guards/identity-of.js";
import { passwordRateLimit } from "../../http/rate-limit.js";
import { type FormState, untouched } from "../look/frame.js";
import type { Text } from "../look/language.js";
import type { MessageId } from "../messages/english.js";
import { Page } from "../page.js";
import { statusOfProblem, textOfProblem } from "../problem-texts.js";
import type { Site } from "../site.js";
import type { PageName, PageViews } from "../views.js";
import {
  Answered,
  FieldErrors,
  Form,
  type FormDefinition,
  GoTo,
  type PageAccess,
  type PageDefinition,
  type ServedPage,
} from "./define-page.js";
import type { FormFields } from "./form-body.js";
import { FormRefused, refusalOf } from "./form-guard.js";

const hide = { hide: true } as object;

/** Adds the routes of a page of an account. */
export function servePage<P extends PageName>(
  app: FastifyInstance,
  site: Site,
  definition: PageDefinition<P>,
): void {
  addPage<PageViews[P]>(app, site, {
    ...definition,
    address: (page) => page.link(definition.path),
    show: (page, view, status) => page.show(definition.name, view, status),
  });
}

/** Adds the routes of a page: one shows it, and one for each form takes what is sent. */
export function addPage<V>(app: FastifyInstance, site: Site, definition: ServedPage<V>): void {
  app.get(
    definition.path,
    { config: configOf(definition.access, definition.impersonated), schema: hide, logLevel: "warn" },
    async (request, reply) => {
      const page = new Page(site, request, reply);
      await checkRecent(page, definition.access);
      return showPage(page, definition, untouched);
    },
  );
  for (const form of definition.forms) serveForm(app, site, definition, form);
}

function serveForm<V>(
  app: FastifyInstance,
  site: Site,
  definition: ServedPage<V>,
  form: FormDefinition,
): void {
  const access = form.access ?? definition.access;
  const refused = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    refuse(new Page(site, request, reply), definition, form, error);
  app.post(
    form.path ?? definition.path,
    {
      config: {
        ...configOf(access, form.impersonated),
        ...(form.answers && { answers: form.answers }),
        ...(form.takesLong && { takesLong: true }),
        // After the body was read, so that what was typed can be shown again.
        ...(form.limited && { rateLimit: { ...passwordRateLimit(site.service), hook: "preHandler" } }),
      },
      schema: hide,
      // The address may lead back to a request of an app, by its token.
      logLevel: "warn",
      ...(form.bodyLimit !== undefined && { bodyLimit: form.bodyLimit }),
      errorHandler: (error, request, reply) =>
        // The page of the form may fail too, such as by a database that went away meanwhile.
        void refused(error, request, reply).catch((again) =>
          showProblem(new Page(site, request, reply), again),
        ),
    },
    async (request, reply) => {
      const page = new Page(site, request, reply);
      const sent = new Form(request.body as FormFields);
      try {
        const refusal = await refusalOf(page, sent);
        if (refusal) throw refusal;
        await checkRecent(page, access);
        return await form.submit(page, sent);
      } catch (error) {
        return refuse(page, definition, form, error);
      }
    },
  );
}

const configOf = (access: PageAccess, impersonated = false) => ({ identity: accessOf(access), impersonated });

function accessOf(access: PageAccess): IdentityAccess {
  if (access === "public") return "public";
  return access === "any_session" ? { accept: ["session"], acr: 0 } : { accept: ["session"] };
}

async function checkRecent({ site, request }: Page, access: PageAccess): Promise<void> {
  if (access === "recent") await site.service.flows.requireRecentAuthentication(sessionOf(request));
}

async function showPage<V>(
  page: Page,
  definition: ServedPage<V>,
  state: FormState,
  { status = 200, form }: { status?: number; form?: Form } = {},
): Promise<FastifyReply> {
  const view = await definition.view(page, state, form);
  if (view instanceof Answered) return view.reply;
  if (view instanceof GoTo) return page.redirect(view.to, view.notice);
  return definition.show(page, view, status);
}

async function refuse<V>(
  page: Page,
  definition: ServedPage<V>,
  form: FormDefinition,
  error: unknown,
): Promise<FastifyReply> {
  const { body } = page.request;
  const problem = toProblem(error);
  if (!(body instanceof Map) || needsOtherPage(problem)) {
    return showProblem(page, error, definition.address(page));
  }
  const sent = new Form(body as FormFields);
  const named = { ...(form.name !== undefined && { form: form.name }), values: sent.kept() };
  if (error instanceof FieldErrors) {
    return showPage(page, definition, { ...named, errors: error.errors }, { status: 422, form: sent });
  }
  if (error instanceof FormRefused) {
    const { text: problem, keeps } = error;
    const state = { ...named, ...(!keeps && { values: {} }), errors: {}, problem };
    return showPage(page, definition, state, { status: 403, form: sent });
  }
  log(page, error, problem);
  const text = form.problemTexts?.[problem.code] ?? textOfProblem(problem);
  const field = form.problemAt?.[problem.code];
  const state = field ? { ...named, errors: { [field]: text } } : { ...named, errors: {}, problem: text };
  const status = statusOfProblem(problem);
  retryAfter(page, problem);
  return showPage(page, definition, state, { status, form: sent });
}

/** What shows that nothing can be read now: not the page of a form either. */
const unreadable: ReadonlySet<string> = new Set(["DATABASE_UNREACHABLE", "DATABASE_REFUSED", "TIMED_OUT"]);

const elsewhere: ReadonlySet<string> = new Set([
  ...unreadable,
  "SESSION_REQUIRED",
  "SESSION_INVALID",
  "RECENT_AUTHENTICATION_REQUIRED",
  "SECOND_FACTOR_REQUIRED",
  "CROSS_ORIGIN",
]);

const needsOtherPage = ({ code }: IdentityProblem): boolean => elsewhere.has(code);

/**
 * Answers a problem that belongs to no form: a page that says so, or one where what is missing can be proved.
 *
 * @param back - where to go on afterwards; of a GET, the page itself.
 */
export async function showProblem(page: Page, error: unknown, back?: string): Promise<FastifyReply> {
  const problem = toProblem(error);
  const { code } = problem;
  const to = placeToProve(problem);
  if (to !== undefined) {
    page.reply.removeHeader("www-authenticate");
    const returnTo = page.request.method === "GET" ? page.request.url : back;
    const { reported } = problem.members;
    const besides = typeof reported === "string" ? { reported } : {};
    return page.redirect(page.link(to, { return_to: returnTo, ...besides }), reasonOf(page, problem));
  }
  log(page, error, problem);
  retryAfter(page, problem);
  page.isBare = unreadable.has(code);
  const title: Text = { id: titles[code] ?? "error.title" };
  const reference = problem.statusCode >= 500 ? page.request.id : undefined;
  const view = { title, text: textOfProblem(problem), reference };
  return page.show("error", view, statusOfProblem(problem));
}

const titles: { readonly [Code in ProblemCode]?: MessageId } = {
  NOT_FOUND: "error.not_found",
  IMPERSONATED: "impersonation.closed",
};

function placeToProve({ code, members }: IdentityProblem): string | undefined {
  if (code === "SESSION_REQUIRED" || code === "SESSION_INVALID") return "/sign-in";
  if (code !== "RECENT_AUTHENTICATION_REQUIRED" && code !== "SECOND_FACTOR_REQUIRED") return undefined;
  return members.enrol ? "/security/authenticator" : "/confirm";
}

/** Why somebody comes to another page than the one that they asked for, where that page does not say it. */
function reasonOf({ request }: Page, { code, members }: IdentityProblem): Text | undefined {
  if (members.enrol) return { id: "authenticator.needed" };
  const hasEnded = code === "SESSION_REQUIRED" || code === "SESSION_INVALID";
  return hasEnded && request.method === "POST" ? { id: "form.session_ended" } : undefined;
}

function retryAfter({ reply }: Page, { members, statusCode }: IdentityProblem): void {
  const { retryAfterMs } = members;
  if (typeof retryAfterMs === "number") reply.header("retry-after", Math.ceil(retryAfterMs / 1_000));
  else if (statusCode === 503) reply.header("retry-after", 1);
}

function log({ request }: Page, err: unknown, { code, statusCode }: IdentityProblem): void {
  if (statusCode >= 500) request.log.error({ err, code }, "a page was answered with an error");
}
