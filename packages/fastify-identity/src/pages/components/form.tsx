import type { ComponentChildren, JSX } from "preact";
import type { FormState, PageFrame } from "../look/frame.js";
import type { Text } from "../look/language.js";
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
  /** The answer is a file: the page stays, and its button must go on working. */
  download?: boolean;
  /** The script shows how far what was asked for has come, and the result, in the form. */
  progress?: boolean;
  children: ComponentChildren;
}

const belongs = (state: FormState, name: string | undefined) =>
  state.form === undefined || state.form === name;

/** A form, with what is wrong with it in front (GOV.UK's error summary: focused, with links to the fields). */
export function Form(props: FormProps) {
  const { frame, name, action, state, children, class: look = "stack", download, progress } = props;
  return (
    <form
      method="post"
      action={action}
      class={look}
      novalidate
      data-download={download ? "" : undefined}
      data-progress={progress ? "" : undefined}
    >
      {belongs(state, name) && <Summary frame={frame} state={state} form={name} />}
      {children}
      <FormToken frame={frame} />
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
  type: "text" | "email" | "password" | "date";
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
export function Field(props: FieldProps) {
  const { frame, state, form, name, label, hint, value, optional, class: look, ...input } = props;
  const { id, error, described, typed } = partsOf(state, form, name, hint);
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
    <Labelled frame={frame} id={id} label={label} hint={hint} error={error} optional={optional} class={look}>
      <Reveal frame={frame} id={id} when={isSecret}>
        <input {...attributes} />
      </Reveal>
    </Labelled>
  );
}

function partsOf(
  state: FormState | undefined,
  form: string | undefined,
  name: string,
  hint?: ComponentChildren,
) {
  const id = idOf(form, name);
  const own = state && belongs(state, form) ? state : undefined;
  const error = own?.errors[name];
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return { id, error, described: described || undefined, typed: own?.values[name] };
}

interface LabelledProps {
  frame: PageFrame;
  id: string;
  label: MessageId;
  hint?: ComponentChildren;
  error: Text | undefined;
  optional?: boolean | undefined;
  class?: string | undefined;
  children: ComponentChildren;
}

function Labelled({ frame, id, label, hint, error, optional, class: look, children }: LabelledProps) {
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
      {error && <ErrorText frame={frame} id={id} text={error} />}
      {children}
    </div>
  );
}

function ErrorText({ frame, id, text }: { frame: PageFrame; id: string; text: Text }) {
  return (
    <p class="error" id={`${id}-error`}>
      {frame.say(text.id, text.values)}
    </p>
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

interface PasskeyFormProps extends Pick<FormProps, "frame" | "action" | "state"> {
  name: string;
  children?: ComponentChildren;
  /** Whether a passkey is used or made. */
  ceremony: "get" | "create";
  /** Where to get the options of the browser's call: they are good for one answer and some minutes. */
  options: string;
  label: MessageId;
  look?: string;
  /** Whether the browser may offer passkeys before the button is pressed, where it fills in the user name. */
  autofill?: boolean;
}

/** A form that a passkey fills in; only the script shows it, and only where the browser knows passkeys. */
export function PasskeyForm(props: PasskeyFormProps) {
  const { frame, name, action, state, ceremony, options, label, look = "secondary wide" } = props;
  const { autofill, children } = props;
  return (
    <form
      method="post"
      action={action}
      class="stack"
      hidden
      novalidate
      data-passkey={ceremony}
      data-autofill={autofill ? "" : undefined}
      data-options={options}
    >
      {belongs(state, name) && <Summary frame={frame} state={state} form={name} />}
      {children}
      <p class="error" role="alert" hidden>
        {frame.say("passkey.failed")}
      </p>
      <input type="hidden" name="response" />
      <input type="hidden" name="attempt" />
      <Submit frame={frame} label={label} look={look} />
      <FormToken frame={frame} />
    </form>
  );
}

type Shared = Pick<FieldProps, "frame" | "state" | "form">;

/** A password to be set: no rules but its length, and nothing that hinders a password manager. */
export function NewPassword({
  min,
  ...props
}: Shared & { label: "field.password" | "field.new_password"; min: number }) {
  return (
    <Field
      {...props}
      name="new_password"
      type="password"
      autocomplete="new-password"
      hint={props.frame.say("sign_up.hint", { min })}
      required
    />
  );
}

/** Text of several lines. */
export function TextArea({
  frame,
  state,
  form,
  name,
  label,
  hint,
  value,
  optional,
}: Shared & Pick<FieldProps, "name" | "label" | "hint" | "value" | "optional">) {
  const { id, error, described, typed } = partsOf(state, form, name, hint);
  return (
    <Labelled frame={frame} id={id} label={label} hint={hint} error={error} optional={optional}>
      <textarea
        id={id}
        name={name}
        dir="auto"
        spellcheck={false}
        value={typed ?? value}
        aria-invalid={error ? "true" : undefined}
        aria-describedby={described}
      />
    </Labelled>
  );
}

interface SelectProps extends Shared {
  name: string;
  label: MessageId;
  options: ReadonlyArray<{ value: string; label: string }>;
  value: string;
}

/** One of several. */
export function Select({ frame, state, form, name, label, options, value }: SelectProps) {
  const { id, error, described, typed } = partsOf(state, form, name);
  const chosen = typed ?? value;
  return (
    <Labelled frame={frame} id={id} label={label} error={error}>
      <select id={id} name={name} aria-invalid={error ? "true" : undefined} aria-describedby={described}>
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === chosen}>
            {option.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface CheckProps {
  frame: PageFrame;
  state?: FormState;
  form?: string;
  name: string;
  label: MessageId;
  checked: boolean;
}

/** A box to tick. */
export function Check({ frame, state, form, name, label, checked }: CheckProps) {
  const { id, error, described } = partsOf(state, form, name);
  return (
    <div>
      {error && <ErrorText frame={frame} id={id} text={error} />}
      <label class="check">
        <input
          type="checkbox"
          id={id}
          name={name}
          value="yes"
          checked={checked}
          aria-invalid={error ? "true" : undefined}
          aria-describedby={described}
        />
        <span>{frame.say(label)}</span>
      </label>
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

/** What a button is about, for who does not see the row that it stands in. Its visible text stays part of its name (WCAG 2.2, 2.5.3). */
export function Of({ what }: { what: string }) {
  return <bdi class="hidden">{what}</bdi>;
}

/** Whether something about the form was refused. */
export const isRefused = ({ errors, problem }: FormState): boolean =>
  problem !== undefined || Object.keys(errors).length > 0;

/** The password of an account that there is, for password managers to fill in. */
export function CurrentPassword({
  label = "field.current_password",
  ...props
}: Pick<Parameters<typeof Field>[0], "frame" | "state" | "form"> & { label?: MessageId }) {
  return (
    <Field
      {...props}
      name="password"
      label={label}
      type="password"
      autocomplete="current-password"
      required
    />
  );
}
