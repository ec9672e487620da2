import { Codes } from "../components/codes.js";
import { Field, Form, isRefused, Select, Submit } from "../components/form.js";
import { ItemAction } from "../components/item-action.js";
import { AccountLayout } from "../components/layout.js";
import type { PageFrame } from "../look/frame.js";
import { keyLifetimeDays } from "../serve/fields.js";
import type { ApiKeyView, PageViews } from "../views.js";

interface Props<P extends keyof PageViews> {
  view: PageViews[P];
  frame: PageFrame;
}

const section = "/api-keys";

export function ApiKeys({ view, frame }: Props<"apiKeys">) {
  const { state, keys, next } = view;
  return (
    <AccountLayout frame={frame} section={section} title={frame.t("keys.title")} refused={isRefused(state)}>
      <p class="muted">{frame.say("keys.text")}</p>
      <section class="card stack">
        {keys.length === 0 ? (
          <p>{frame.say("keys.none")}</p>
        ) : (
          <ul class="list">
            {keys.map((key) => (
              <Key key={key.id} apiKey={key} state={state} frame={frame} />
            ))}
          </ul>
        )}
        {next && <a href={frame.link(section, { before: next })}>{frame.say("activity.older")}</a>}
      </section>
      <section class="card">
        <CreateKey state={state} frame={frame} />
      </section>
    </AccountLayout>
  );
}

function CreateKey({ state, frame }: { state: PageViews["apiKeys"]["state"]; frame: PageFrame }) {
  const shared = { frame, state, form: "create" } as const;
  const lifetimes = [
    { value: "", label: frame.t("keys.never") },
    ...keyLifetimeDays.map((days) => ({
      value: String(days),
      label: frame.t("keys.days", { count: days }),
    })),
  ];
  return (
    <Form frame={frame} name="create" state={state} action={frame.link(section)}>
      <h2>{frame.say("keys.create")}</h2>
      <Field
        {...shared}
        name="name"
        label="keys.name"
        type="text"
        autocomplete="off"
        hint={frame.say("keys.name_hint")}
        required
      />
      <Field
        {...shared}
        name="scopes"
        label="keys.scopes"
        type="text"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        hint={frame.say("keys.scopes_hint")}
        optional
      />
      <Select {...shared} name="lifetime" label="keys.expires" options={lifetimes} value="90" />
      <Submit frame={frame} label="keys.submit" look="primary" />
    </Form>
  );
}

interface KeyProps {
  apiKey: ApiKeyView;
  state: PageViews["apiKeys"]["state"];
  frame: PageFrame;
}

function Key({ apiKey, state, frame }: KeyProps) {
  const { id, name, start, scopes, requests, createdAt, lastUsedAt, expiresAt, formerExpiresAt } = apiKey;
  const facts = [
    frame.say("keys.created", { date: frame.date(createdAt) }),
    lastUsedAt ? frame.say("keys.last_used", { date: frame.date(lastUsedAt) }) : frame.say("keys.never_used"),
    frame.say("keys.requests", { count: frame.number(requests) }),
    expiresAt && frame.say("keys.expiry", { date: frame.date(expiresAt) }),
    formerExpiresAt && frame.say("keys.former", { date: frame.date(formerExpiresAt) }),
  ].filter(Boolean);
  return (
    <li>
      <div class="what stack-s">
        <p>
          <strong>
            <bdi>{name}</bdi>
          </strong>{" "}
          <code>{start}…</code>
        </p>
        {scopes.length > 0 && (
          <p>
            <Codes of={scopes} />
          </p>
        )}
        <p class="muted small">
          {facts.map((fact, at) => (
            <>
              {at > 0 && " · "}
              {fact}
            </>
          ))}
        </p>
      </div>
      <div class="actions">
        {(["rotate", "revoke"] as const).map((what) => (
          <ItemAction
            key={what}
            frame={frame}
            state={state}
            name={what}
            action={frame.link(`${section}/${what}`)}
            id={id}
            label={`keys.${what}`}
            what={name}
            look={what === "rotate" ? "secondary" : "plain bad"}
          />
        ))}
      </div>
    </li>
  );
}

export function ApiKeyShown({ view, frame }: Props<"apiKeyShown">) {
  const { name, key, formerExpiresAt } = view;
  return (
    <AccountLayout frame={frame} section={section} title={frame.t("keys.shown_title")}>
      <section class="card stack">
        <p class="notice">{frame.say("keys.shown")}</p>
        <div>
          <p class="label">
            <bdi>{name}</bdi>
          </p>
          <code class="secret">{key}</code>
        </div>
        {formerExpiresAt && <p>{frame.say("keys.shown_rotated", { date: frame.date(formerExpiresAt) })}</p>}
        <a class="button primary" href={frame.link(section)}>
          {frame.say("keys.back")}
        </a>
      </section>
    </AccountLayout>
  );
}
