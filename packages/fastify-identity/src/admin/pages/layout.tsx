import type { ComponentChildren } from "preact";
import { Brand, Document, Footer } from "../../pages/components/document.js";
import { Field, Form, FormToken, Notice, Submit } from "../../pages/components/form.js";
import type { FormState } from "../../pages/look/frame.js";
import type { MessageId } from "../../pages/messages/english.js";
import type { AdminFrame } from "./frame.js";

interface LayoutProps {
  frame: AdminFrame;
  title: string;
  /** Path of the section that the page belongs to. */
  section: string;
  refused?: boolean;
  children: ComponentChildren;
}

/** The pages of the admin area, with their navigation. */
export function AdminLayout({ frame, title, section, refused, children }: LayoutProps) {
  return (
    <Document frame={frame} title={title} refused={refused}>
      <header class="top">
        <div class="inner">
          <div class="row">
            <Brand frame={frame} />
            <span class="tag calm">{frame.say("admin.area")}</span>
          </div>
          <div class="who small">
            <bdi>{frame.account?.email}</bdi>
            <form method="post" action={frame.link("/sign-out")}>
              <FormToken frame={frame} />
              <button type="submit" class="plain">
                {frame.say("nav.sign_out")}
              </button>
            </form>
          </div>
        </div>
      </header>
      <div class="frame">
        <nav class="side" aria-label={frame.t("admin.area")}>
          <ul>
            {frame.admin.sections.map(({ path, label }) => (
              <li key={path}>
                <a href={frame.admin.link(path)} aria-current={path === section ? "page" : undefined}>
                  {frame.say(label)}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <main id="content" class="content">
          <h1>
            <bdi>{title}</bdi>
          </h1>
          <Notice frame={frame} />
          {children}
        </main>
      </div>
      <Footer frame={frame} />
    </Document>
  );
}

/** A moment, for people and for programs. */
export function Moment({ frame, at }: { frame: AdminFrame; at: Date }) {
  return <time dateTime={at.toISOString()}>{frame.date(at)}</time>;
}

interface ReasonedProps {
  frame: AdminFrame;
  state: FormState;
  /** Its name: several stand on a page. */
  name: string;
  action: string;
  /** What it does: the text of its summary and of its button. */
  label: MessageId;
  /** What that means. */
  text?: MessageId;
  look?: string;
  /** Further fields. */
  children?: ComponentChildren;
}

/** Something to do that takes a reason: folded up until somebody wants it. */
export function Reasoned({
  frame,
  state,
  name,
  action,
  label,
  text,
  look = "secondary",
  children,
}: ReasonedProps) {
  return (
    <details open={state.form === name}>
      <summary>{frame.say(label)}</summary>
      <Form frame={frame} name={name} state={state} action={action}>
        {text && <p>{frame.say(text)}</p>}
        {children}
        <ReasonField frame={frame} state={state} form={name} />
        <Submit frame={frame} label={label} look={look} />
      </Form>
    </details>
  );
}

/** Why something is done. */
export function ReasonField({ frame, state, form }: { frame: AdminFrame; state: FormState; form: string }) {
  return (
    <Field
      frame={frame}
      state={state}
      form={form}
      name="reason"
      label="admin.reason"
      type="text"
      autocomplete="off"
      hint={frame.say("admin.reason_hint")}
      required
    />
  );
}
