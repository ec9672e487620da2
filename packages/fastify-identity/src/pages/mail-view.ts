import type { Notice } from "../flows/notices/notice.js";

/** A mail before it is written out. */
export interface MailView {
  readonly kind: Notice["kind"];
  readonly to: string;
  readonly subject: string;
  readonly paragraphs: readonly string[];
  /** A button, with the address that it leads to. */
  readonly action: { readonly label: string; readonly url: string } | undefined;
  /** A code to type. */
  readonly code: string | undefined;
  /** Name of the product. */
  readonly name: string;
  readonly lang: string;
  readonly dir: "ltr" | "rtl";
}

/** A mail of the application's own. Escaping is up to it. */
export type MailRenderer = (view: MailView) => Pick<Notice, "subject" | "text" | "html">;
