import { equalTexts } from "../../flows/equal-texts.js";
import type { Text } from "../look/language.js";
import type { Page } from "../page.js";
import type { Form } from "./define-page.js";
import { ownerMark } from "./form-token.js";
import { sessionOfBrowser } from "./session-of-browser.js";

/** A form that was not accepted, whatever it asks for. */
export class FormRefused extends Error {
  readonly text: Text;
  /** Whether what was typed is shown again. */
  readonly keeps: boolean;

  constructor(text: Text, keeps: boolean) {
    super("a form was not accepted");
    this.text = text;
    this.keeps = keeps;
  }
}

/**
 * Why a form is not accepted: its page was open before the browser forgot its cookies, or is not ours; or it was shown to
 * one account, and another one is signed in since.
 */
export async function refusalOf(page: Page, form: Form): Promise<FormRefused | undefined> {
  const [sent = "", mark] = form.text("form_token").split(".");
  const key = page.formKey();
  if (!equalTexts(sent, key)) return new FormRefused({ id: "form.stale" }, true);
  // A page for everybody, such as the one that signs out, may have a form of a page of an account.
  const userId = page.account ?? (mark === undefined ? undefined : (await sessionOfBrowser(page))?.userId);
  if (!userId || equalTexts(mark ?? "", ownerMark(key, userId))) return undefined;
  return new FormRefused({ id: "form.other_account" }, false);
}
