import type { ComponentChild } from "preact";
import type { MessageId } from "../messages/english.js";
import type { Text, TextValues } from "./language.js";

/** What every page needs besides its own view. */
export interface PageFrame {
  /** BCP 47 tag of the page. */
  readonly lang: string;
  readonly dir: "ltr" | "rtl";
  /** Of the Content-Security-Policy: for every `style` and `script` element. */
  readonly nonce: string;
  /** Value of the field `form_token`, which every form sends. */
  readonly formToken: string;
  /** Address of a page, by its path below the prefix of the pages, such as `/sign-in`. */
  link(path: string, query?: Readonly<Record<string, string | undefined>>): string;
  /** Name of the product. */
  readonly name: string;
  readonly logo: string | undefined;
  /** CSS variables of the theme. */
  readonly variables: string;
  /** HTML below every page. */
  readonly footer: string | undefined;
  /** A text in the language of the page. */
  t(id: MessageId, values?: TextValues): string;
  /** The same for content: values keep their own direction, and an untranslated text its language. */
  say(id: MessageId, values?: Readonly<Record<string, ComponentChild>>): ComponentChild;
  date(at: Date): string;
  number(value: number): string;
  /** Whose account it is, when somebody is signed in. */
  readonly account: { readonly email: string; readonly displayName: string | undefined } | undefined;
  /** Whom the reader acts for, as an administrator, and until when: every page says so. */
  readonly impersonation: { readonly email: string; readonly until: Date } | undefined;
  /** Whether an account has the page of what apps may do. */
  readonly apps: boolean;
  /** Result of what was done on the page before. */
  readonly notice: Text | undefined;
}

/** A form as it was refused; empty before anything was sent. */
export interface FormState {
  /** Which form of the page. */
  readonly form?: string;
  /** What was typed, without secrets. */
  readonly values: Readonly<Record<string, string>>;
  /** What is wrong with fields. */
  readonly errors: Readonly<Record<string, Text>>;
  /** What is wrong with the whole. */
  readonly problem?: Text;
}

export const untouched: FormState = { values: {}, errors: {} };

/**
 * The state of a form that stands on its page several times: only the one that was sent shows what it was refused for.
 *
 * @param field - what tells them apart. Default: `id`.
 */
export function stateOf(state: FormState, form: string, value: string, field = "id"): FormState {
  return state.form === form && state.values[field] === value ? state : untouched;
}
