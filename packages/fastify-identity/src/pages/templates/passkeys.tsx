// The passkeys of an account: those that it has, and the form that adds one.
import { Field, Form, Of, PasskeyForm, Submit } from "../components/form.js";
import { ItemAction } from "../components/item-action.js";
import { type FormState, type PageFrame, stateOf } from "../look/frame.js";
import type { PasskeyView } from "../views.js";

interface PasskeysProps {
  passkeys: readonly PasskeyView[];
  state: FormState;
  frame: PageFrame;
}

export function Passkeys({ passkeys, state, frame }: PasskeysProps) {
  return (
    <section class="card stack">
      <h2>{frame.say("passkey.title")}</h2>
      <p>{frame.say("passkey.text")}</p>
      {passkeys.length > 0 && (
        <ul class="list">
          {passkeys.map((passkey) => (
            <Passkey key={passkey.id} passkey={passkey} state={state} frame={frame} />
          ))}
        </ul>
      )}
      <AddPasskey frame={frame} state={state} action={frame.link("/security/passkeys")} look="secondary" />
    </section>
  );
}

/** A form that registers one. */
export function AddPasskey({
  look,
  ...shared
}: {
  frame: PageFrame;
  state: FormState;
  action: string;
  look: string;
}) {
  const { frame, state } = shared;
  return (
    <PasskeyForm
      {...shared}
      name="passkey"
      ceremony="create"
      options={frame.link("/security/passkeys/options")}
      label="passkey.add"
      look={look}
    >
      <Field
        frame={frame}
        state={state}
        form="passkey"
        name="name"
        label="passkey.name"
        type="text"
        autocomplete="off"
        value="Passkey"
        required
      />
    </PasskeyForm>
  );
}

function Passkey({ passkey, state, frame }: Omit<PasskeysProps, "passkeys"> & { passkey: PasskeyView }) {
  const { id, name, createdAt, lastUsedAt } = passkey;
  // Each has a form of its own: a field's id stands on a page once.
  const renaming = `rename-${id}`;
  const sent = stateOf(state, "rename-passkey", id);
  const renamed = sent.form === undefined ? sent : { ...sent, form: renaming };
  return (
    <li>
      <div class="what">
        <p>
          <strong>
            <bdi>{name}</bdi>
          </strong>
        </p>
        <p class="muted small">
          {frame.say("passkey.created", { date: frame.date(createdAt) })}
          {lastUsedAt && " · "}
          {lastUsedAt && frame.say("passkey.last_used", { date: frame.date(lastUsedAt) })}
        </p>
      </div>
      <details open={renamed.form !== undefined}>
        <summary>
          {frame.say("passkey.rename")} <Of what={name} />
        </summary>
        <Form frame={frame} name={renaming} state={renamed} action={frame.link("/security/passkeys/rename")}>
          <input type="hidden" name="id" value={id} />
          <Field
            frame={frame}
            state={renamed}
            form={renaming}
            name="name"
            label="passkey.name"
            type="text"
            autocomplete="off"
            value={name}
            required
          />
          <Submit frame={frame} label="passkey.rename" look="secondary" />
        </Form>
      </details>
      <ItemAction
        frame={frame}
        state={state}
        name="remove-passkey"
        action={frame.link("/security/passkeys/remove")}
        id={id}
        label="passkey.remove"
        what={name}
        look="plain bad"
      />
    </li>
  );
}
