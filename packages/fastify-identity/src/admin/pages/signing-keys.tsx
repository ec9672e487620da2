import type { ListedSigningKey } from "@org/db-models";
import { signingAlgorithms } from "@org/db-models/schemas";
import { z } from "zod";
import { isRefused, Select } from "../../pages/components/form.js";
import type { FormState } from "../../pages/look/frame.js";
import * as acts from "../acts/signing-keys.js";
import type { AdminPage } from "./parts/define.js";
import { fields } from "./parts/fields.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment, Reasoned, RowAct } from "./parts/layout.js";

const path = "/signing-keys";

interface KeysView {
  readonly state: FormState;
  readonly keys: readonly ListedSigningKey[];
}

const malformed = { id: "problem.malformed" } as const;
const algorithm = { schema: z.enum(signingAlgorithms), error: malformed } as const;
const kid = { schema: z.string().length(43), error: malformed } as const;

export const signingKeysPage: AdminPage<KeysView> = {
  path,
  permission: "keys:read",
  template: SigningKeys,
  view: async ({ acting }, state) => ({ state, keys: await acts.listSigningKeys(acting) }),
  forms: [
    {
      name: "rotate",
      path: `${path}/rotate`,
      permission: "keys:write",
      submit: async ({ acting, page, link }, form) => {
        await acts.rotateSigningKey(acting, form.read({ algorithm, reason: fields.reason }));
        return page.redirect(link(path), { id: "admin.done_key_rotated" });
      },
    },
    {
      name: "withdraw",
      path: `${path}/withdraw`,
      permission: "keys:write",
      submit: async ({ acting, page, link }, form) => {
        await acts.withdrawSigningKey(acting, form.read({ kid, reason: fields.reason }));
        return page.redirect(link(path), { id: "admin.done_key_withdrawn" });
      },
    },
  ],
};

interface Props {
  view: KeysView;
  frame: AdminFrame;
}

function SigningKeys({ view, frame }: Props) {
  const { state, keys } = view;
  return (
    <AdminLayout
      frame={frame}
      section={path}
      title={frame.t("admin.signing_keys")}
      refused={isRefused(state)}
    >
      <p class="muted">{frame.say("admin.signing_keys_text")}</p>
      {keys.length > 0 && frame.admin.may("keys:write") && <Rotate view={view} frame={frame} />}
      <section class="card stack">
        <h2>{frame.say("admin.signing_keys_published")}</h2>
        {keys.length === 0 && <p>{frame.say("admin.signing_keys_none")}</p>}
        <ul class="list">
          {keys.map((key) => (
            <Key key={key.kid} signingKey={key} view={view} frame={frame} />
          ))}
        </ul>
      </section>
    </AdminLayout>
  );
}

function Rotate({ view, frame }: Props) {
  const { state, keys } = view;
  const used = signingAlgorithms.filter((one) => keys.some((key) => key.algorithm === one));
  return (
    <section class="card stack">
      <Reasoned
        frame={frame}
        state={state}
        name="rotate"
        action={frame.admin.link(`${path}/rotate`)}
        label="admin.rotate_key"
        text="admin.rotate_key_text"
      >
        <Select
          frame={frame}
          state={state}
          form="rotate"
          name="algorithm"
          label="admin.algorithm"
          options={used.map((value) => ({ value, label: value }))}
          value={used[0] ?? ""}
        />
      </Reasoned>
    </section>
  );
}

const looks = { next: "warn", active: "good", retired: "calm" } as const;

function Key({ signingKey, view, frame }: Props & { signingKey: ListedSigningKey }) {
  const { kid: id, algorithm: name, state, createdAt, signsFrom, publishedUntil, sealedWith } = signingKey;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <code>{id}</code>
        </p>
        <p>
          <code class="scope">{name}</code>{" "}
          <span class={`tag ${looks[state]}`}>{frame.say(`admin.signing_key_${state}`)}</span>
        </p>
        <p class="muted small">
          {frame.say("admin.created", { date: <Moment frame={frame} at={createdAt} /> })}
          {" · "}
          {frame.say("admin.signs_from", { date: <Moment frame={frame} at={signsFrom} /> })}
          {publishedUntil && " · "}
          {publishedUntil &&
            frame.say("admin.published_until", { date: <Moment frame={frame} at={publishedUntil} /> })}
          {" · "}
          {frame.say("admin.sealed_with", { key: <code>{sealedWith}</code> })}
        </p>
      </div>
      {frame.admin.may("keys:write") && (
        <RowAct
          frame={frame}
          state={view.state}
          form="withdraw"
          field="kid"
          id={id}
          action={frame.admin.link(`${path}/withdraw`)}
          label="admin.withdraw_key"
          what={`${name} ${id.slice(0, 8)}`}
        >
          {() => <p>{frame.say(`admin.withdraw_key_${state}`)}</p>}
        </RowAct>
      )}
    </li>
  );
}
