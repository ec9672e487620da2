import type { FastifyReply } from "fastify";
import type { z } from "zod";
import type { ProblemCode } from "../../flows/problems.js";
import type { FormState } from "../look/frame.js";
import type { Text } from "../look/language.js";
import type { Page } from "../page.js";
import type { PageName, PageViews } from "../views.js";
import type { FormFields } from "./form-body.js";

/**
 * Who may use a page: everybody; a session; one whose user proved recently who they are, with the second factor of an
 * account that has one (ASVS 7.5.1); or any live session, also of who must have a second factor and has none yet.
 */
export type PageAccess = "public" | "session" | "recent" | "any_session";

/**
 * Why the answer of a form is no redirect, so that a reload sends the form again: it is for the page's `script`; a `file`,
 * for which the browser stays on its page; a page that `goes_on` to another origin, where a redirect of a form may not end;
 * or it shows what the form `looks_up`, and changes nothing.
 */
type DirectAnswer = "script" | "file" | "goes_on" | "looks_up";

/** A form of a page. */
export interface FormDefinition {
  /** Its name, when the page has several. */
  readonly name?: string;
  /** Path that it is sent to, below the prefix. Default: the page's. */
  readonly path?: string;
  readonly access?: PageAccess;
  /** Whether it is counted as an attempt with a password. */
  readonly limited?: boolean;
  /** Whether who acts for a user may send it. Default: false. */
  readonly impersonated?: boolean;
  /** The largest body, bytes. Default: that of the app. */
  readonly bodyLimit?: number;
  /** Whether its answer may take longer than `answerTimeoutMs`. Default: false. */
  readonly takesLong?: boolean;
  /** Fields that a problem is shown at. */
  readonly problemAt?: { readonly [Code in ProblemCode]?: string };
  /** Texts of problems where this form has a better one. */
  readonly problemTexts?: { readonly [Code in ProblemCode]?: Text };
  /** Default: what was asked for is done, and the answer is a redirect to a page that says so. */
  readonly answers?: DirectAnswer;
  /** Does what was asked for; what it throws is shown at the form. */
  submit(page: Page, form: Form): Promise<FastifyReply>;
}

/** What pages of all parts of the plugin have. */
interface AnyPage<V> {
  /** Below the prefix. */
  readonly path: string;
  readonly access: PageAccess;
  /** Whether who acts for a user may see it. Default: false. */
  readonly impersonated?: boolean;
  /** What the page shows, or where to go instead. `form` is what was sent and refused. */
  view(page: Page, state: FormState, form?: Form): Promise<V | GoTo | Answered>;
  readonly forms: readonly FormDefinition[];
}

/** A page of an account, with its forms: an application may show another one in its place. */
export interface PageDefinition<P extends PageName = PageName> extends AnyPage<PageViews[P]> {
  readonly name: P;
}

/** A page with how it is shown. */
export interface ServedPage<V> extends AnyPage<V> {
  /** Address of the page that a request is for. */
  address(page: Page): string;
  show(page: Page, view: V, status: number): Promise<FastifyReply>;
}

/** Another page, in the place of the one that was asked for. */
export class GoTo {
  readonly to: string;
  readonly notice: Text | undefined;

  constructor(to: string, notice?: Text) {
    this.to = to;
    this.notice = notice;
  }
}

/** The page has answered by itself. */
export class Answered {
  readonly reply: FastifyReply;

  constructor(reply: FastifyReply) {
    this.reply = reply;
  }
}

/** A field of a form: one text says what is wrong, whatever that is. */
export interface FieldDefinition<T = unknown> {
  readonly schema: z.ZodType<T>;
  readonly error: Text;
}

/** Fields that were not accepted. */
export class FieldErrors extends Error {
  readonly errors: Readonly<Record<string, Text>>;

  constructor(errors: Readonly<Record<string, Text>>) {
    super("fields of a form were not accepted");
    this.errors = errors;
  }
}

type Read<F extends Record<string, FieldDefinition>> = { [K in keyof F]: z.output<F[K]["schema"]> };

/** Names of fields whose values are never sent back. */
const secret = /password|code|token|secret/;

/** What was sent. */
export class Form {
  readonly #fields: FormFields;

  constructor(fields: FormFields) {
    this.#fields = fields;
  }

  /** The value of a field that was sent once; empty otherwise. */
  text(name: string): string {
    const values = this.#fields.get(name);
    return values?.length === 1 ? (values[0] ?? "") : "";
  }

  /** The values of a field, such as of boxes that were ticked. */
  all(name: string): readonly string[] {
    return this.#fields.get(name) ?? [];
  }

  /**
   * Reads fields by their definitions.
   *
   * @throws FieldErrors
   */
  read<F extends Record<string, FieldDefinition>>(definitions: F): Read<F> {
    const errors: Record<string, Text> = {};
    const read: Record<string, unknown> = {};
    for (const [name, { schema, error }] of Object.entries(definitions)) {
      const parsed = schema.safeParse(this.text(name));
      if (parsed.success) read[name] = parsed.data;
      else errors[name] = error;
    }
    if (Object.keys(errors).length > 0) throw new FieldErrors(errors);
    return read as Read<F>;
  }

  /** What can be shown again. */
  kept(): Record<string, string> {
    const shown = [...this.#fields].filter(([name, values]) => values.length === 1 && !secret.test(name));
    return Object.fromEntries(shown.map(([name, values]) => [name, values[0] ?? ""]));
  }
}
