import type { ApiKeySummary } from "@org/db-models";
import { Codes } from "../../pages/components/codes.js";
import type { FormState } from "../../pages/look/frame.js";
import type { AdminFrame } from "./parts/frame.js";
import { Moment, RowAct } from "./parts/layout.js";

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
  return (
    <li>
      <div class="what stack-s">
        <p>
          <bdi>{apiKey.name}</bdi> <code>{apiKey.start}…</code> <Codes of={apiKey.scopes} />
        </p>
        <p class="muted small">
          {frame.say("admin.created", { date: <Moment frame={frame} at={apiKey.createdAt} /> })}
          {apiKey.lastUsedAt && " · "}
          {apiKey.lastUsedAt &&
            frame.say("admin.last_active", { date: <Moment frame={frame} at={apiKey.lastUsedAt} /> })}
        </p>
      </div>
      {action !== undefined && (
        <RowAct
          frame={frame}
          state={state}
          form="end-key"
          field="key"
          id={id}
          action={action}
          label="admin.end_key"
          what={apiKey.name}
        />
      )}
    </li>
  );
}
