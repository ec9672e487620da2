import type { ComponentChildren } from "preact";
import { Field, Form, Of, Select, Submit } from "../../../pages/components/form.js";
import { SignedInLayout } from "../../../pages/components/layout.js";
import { type FormState, stateOf, untouched } from "../../../pages/look/frame.js";
import type { MessageId } from "../../../pages/messages/english.js";
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
  const links = frame.admin.sections.map(({ path, label }) => ({
    href: frame.admin.link(path),
    label,
    isCurrent: path === section,
  }));
  return (
    <SignedInLayout
      frame={frame}
      title={title}
      refused={refused}
      nav={{ label: frame.t("admin.area"), links }}
      heading={<bdi>{title}</bdi>}
      area={<span class="tag calm">{frame.say("admin.area")}</span>}
    >
      {children}
    </SignedInLayout>
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
  /** The answer is a file. */
  download?: boolean;
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
  download = false,
  children,
}: ReasonedProps) {
  return (
    <details open={state.form === name}>
      <summary>{frame.say(label)}</summary>
      <Form frame={frame} name={name} state={state} action={action} download={download}>
        {text && <p>{frame.say(text)}</p>}
        {children}
        <ReasonField frame={frame} state={state} form={name} />
        <Submit frame={frame} label={label} look={look} />
      </Form>
    </details>
  );
}

interface ListFilterProps {
  frame: AdminFrame;
  /** Path of the list. */
  path: string;
  /** Of the choice, as the list reads it. Default: the status. */
  name?: string;
  label?: Parameters<typeof Select>[0]["label"];
  options: Parameters<typeof Select>[0]["options"];
  value: string;
}

/** The choice of what a list shows. */
export function ListFilter({
  frame,
  path,
  name = "status",
  label = "admin.status",
  options,
  value,
}: ListFilterProps) {
  return (
    <form method="get" action={frame.admin.link(path)} class="actions filter">
      <Select
        frame={frame}
        state={untouched}
        form="filter"
        name={name}
        label={label}
        options={options}
        value={value}
      />
      <Submit frame={frame} label="admin.show" look="secondary" />
    </form>
  );
}

/** One of the things of a list, and what can be done with it. */
interface RowActProps {
  frame: AdminFrame;
  state: FormState;
  /** Name of the form, which every row of the list has. */
  form: string;
  /** The field that tells the rows apart, and its value in this one. */
  field: string;
  id: string;
  action: string;
  /** What it does. */
  label: MessageId;
  /** The text of its button. Default: that of `label`. */
  submit?: MessageId;
  /** Name of the thing. */
  what: string;
  /** Further fields, given the name of this row's form. */
  children?: (form: string) => ComponentChildren;
}

/** Something to do with one row of a list, which takes a reason: folded up, and open where its form was refused. */
export function RowAct(props: RowActProps) {
  const { frame, state, form, field, id, action, label, submit = label, what, children } = props;
  const name = `${form}-${id}`;
  const sent = stateOf(state, form, id, field);
  const own = sent.form === undefined ? sent : { ...sent, form: name };
  return (
    <details open={own.form !== undefined}>
      <summary>
        {frame.say(label)} <Of what={what} />
      </summary>
      <Form frame={frame} name={name} state={own} action={action}>
        <input type="hidden" name={field} value={id} />
        {children?.(name)}
        <ReasonField frame={frame} state={own} form={name} />
        <Submit frame={frame} label={submit} look="danger" />
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
