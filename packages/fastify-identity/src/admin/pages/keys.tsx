import type { ApiKeySummary } from "@org/db-models";
import { Form, Of, Submit } from "../../pages/components/form.js";
import { type FormState, untouched } from "../../pages/look/frame.js";
import type { AdminFrame } from "./frame.js";
import { Moment, ReasonField } from "./layout.js";

interface KeysProps {
  frame: AdminFrame;
  state: FormState;
  keys: readonly ApiKeySummary[];
  /** Where a key is ended; undefined for who may not. */
  action: string | undefined;
}

/** The API keys of a user. */
export function Keys({ frame, state, keys, action }: KeysProps) {
  if (keys.length === 0) return null;
  return (
    <section class="card stack">
      <h2>{frame.say("nav.keys")}</h2>
      <ul class="list">
        {keys.map((key) => (
          <Key key={key.id.toHexString()} apiKey={key} frame={frame} state={state} action={action} />
        ))}
      </ul>
    </section>
  );
}

function Key({ apiKey, frame, state, action }: Omit<KeysProps, "keys"> & { apiKey: ApiKeySummary }) {
  const id = apiKey.id.toHexString();
  const name = `end-key-${id}`;
  const sent = state.form === "end-key" && state.values.key === id;
  const own = sent ? { ...state, form: name } : untouched;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <bdi>{apiKey.name}</bdi> <code>{apiKey.start}…</code>{" "}
          {apiKey.scopes.map((scope) => (
            <>
              <code class="scope">{scope}</code>{" "}
            </>
          ))}
        </p>
        <p class="muted small">
          {frame.say("admin.created", { date: <Moment frame={frame} at={apiKey.createdAt} /> })}
          {apiKey.lastUsedAt && " · "}
          {apiKey.lastUsedAt &&
            frame.say("admin.last_active", { date: <Moment frame={frame} at={apiKey.lastUsedAt} /> })}
        </p>
      </div>
      {action !== undefined && (
        <details open={sent}>
          <summary>
            {frame.say("admin.end_key")} <Of what={apiKey.name} />
          </summary>
          <Form frame={frame} name={name} state={own} action={action}>
            <input type="hidden" name="key" value={id} />
            <ReasonField frame={frame} state={own} form={name} />
            <Submit frame={frame} label="admin.end_key" look="danger" />
          </Form>
        </details>
      )}
    </li>
  );
}
