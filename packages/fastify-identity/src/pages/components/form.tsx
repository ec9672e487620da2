import type { ComponentChildren, JSX } from "preact";
import type { FormState, PageFrame } from "../frame.js";
import type { MessageId } from "../messages/english.js";

/** Proof that the form is ours. */
export function FormToken({ frame }: { frame: PageFrame }) {
  return <input type="hidden" name="form_token" value={frame.formToken} />;
}

/** Result of what was done before. */
export function Notice({ frame }: { frame: PageFrame }) {
  const { notice } = frame;
  if (!notice) return null;
  return (
    <p class="notice" role="status">
      {frame.say(notice.id, notice.values)}
    </p>
  );
}

interface FormProps {
  frame: PageFrame;
  /** Its name, when the page has several. */
  name?: string;
  action: string;
  state: FormState;
  class?: string;
  children: ComponentChildren;
}

const belongs = (state: FormState, name: string | undefined) =>
  state.form === undefined || name === undefined || state.form === name;

/** A form, with what is wrong with it in front (GOV.UK's error summary: focused, with links to the fields). */
export function Form({ frame, name, action, state, children, class: look = "stack" }: FormProps) {
  return (
    <form method="post" action={action} class={look} novalidate>
      {belongs(state, name) && <Summary frame={frame} state={state} form={name} />}
      <FormToken frame={frame} />
      {children}
    </form>
  );
}

const idOf = (form: string | undefined, field: string) => (form ? `${form}-${field}` : field);

function Summary({ frame, state, form }: { frame: PageFrame; state: FormState; form: string | undefined }) {
  const errors = Object.entries(state.errors);
  if (errors.length === 0 && !state.problem) return null;
  return (
    <div class="summary stack-s" role="alert" tabIndex={-1} autofocus>
      <h2>{frame.say("form.summary")}</h2>
      {state.problem && <p>{frame.say(state.problem.id, state.problem.values)}</p>}
      {errors.length > 0 && (
        <ul>
          {errors.map(([field, text]) => (
            <li key={field}>
              <a href={`#${idOf(form, field)}`}>{frame.say(text.id, text.values)}</a>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Attributes of an input. */
interface InputProps {
  type: "text" | "email" | "password";
  autocomplete?: string;
  inputMode?: "email" | "numeric";
  autocapitalize?: "none";
  spellcheck?: boolean;
  required?: boolean;
}

interface FieldProps extends InputProps {
  frame: PageFrame;
  state: FormState;
  /** Of the form, when the page has several. */
  form?: string;
  name: string;
  label: MessageId;
  hint?: ComponentChildren;
  /** What stands in it before anything was typed. */
  value?: string;
  optional?: boolean;
  class?: string;
}

/** A field with its label, hint and error, which belong to it for screen readers too. */
export function Field({
  frame,
  state,
  form,
  name,
  label,
  hint,
  value,
  optional,
  class: look,
  ...input
}: FieldProps) {
  const id = idOf(form, name);
  const error = belongs(state, form) ? state.errors[name] : undefined;
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  const typed = belongs(state, form) ? state.values[name] : undefined;
  const isSecret = input.type === "password";
  const attributes = {
    ...input,
    id,
    name,
    dir: "auto",
    ...(isSecret ? { "data-secret": "" } : { value: typed ?? value }),
    ...(error && { "aria-invalid": "true" }),
    ...(described && { "aria-describedby": described }),
  } as JSX.IntrinsicElements["input"];
  return (
    <div class={look}>
      <label for={id}>
        {frame.say(label)} {optional && <span class="muted">{frame.say("form.optional")}</span>}
      </label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {frame.say(error.id, error.values)}
        </p>
      )}
      <Reveal frame={frame} id={id} when={isSecret}>
        <input {...attributes} />
      </Reveal>
    </div>
  );
}

interface RevealProps {
  frame: PageFrame;
  id: string;
  when: boolean;
  children: ComponentChildren;
}

/** Shows a password; the button comes with the script. */
function Reveal({ frame, id, when, children }: RevealProps) {
  if (!when) return <>{children}</>;
  const [show, hide] = [frame.t("form.show_password"), frame.t("form.hide_password")];
  return (
    <div class="reveal-row">
      {children}
      <button type="button" class="reveal" hidden data-reveal={id} data-show={show} data-hide={hide}>
        {show}
      </button>
    </div>
  );
}

/** The button that sends a form. */
export function Submit({
  frame,
  label,
  look = "primary wide",
}: {
  frame: PageFrame;
  label: MessageId;
  look?: string;
}) {
  return (
    <button type="submit" class={look}>
      {frame.say(label)}
    </button>
  );
}

/** Whether something about the form was refused. */
export const isRefused = ({ errors, problem }: FormState): boolean =>
  problem !== undefined || Object.keys(errors).length > 0;
