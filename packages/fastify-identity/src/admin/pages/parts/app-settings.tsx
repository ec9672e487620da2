import { Field, TextArea } from "../../../pages/components/form.js";
import type { FormState } from "../../../pages/look/frame.js";
import type { MessageId } from "../../../pages/messages/english.js";
import type { KnownApp } from "../../acts/apps.js";
import type { AdminFrame } from "./frame.js";
import { Reasoned } from "./layout.js";

interface Props {
  app: KnownApp;
  frame: AdminFrame;
}

/** Settings of an app that have one value, as facts of a list; those that it has not are left out. */
export function AppSettings({ app, frame }: Props) {
  const yes = (set: boolean | undefined) => (set ? frame.t("admin.yes") : undefined);
  const settings: [MessageId, string | undefined][] = [
    ["admin.client_authentication", app.clientAuthentication],
    ["admin.public_keys", app.publicKeys && String(app.publicKeys.length)],
    ["admin.access_token_format", app.accessTokenFormat],
    ["admin.id_token_algorithm", app.idTokenAlgorithm],
    ["admin.back_channel_logout", app.backChannelLogoutUri],
    ["admin.may_omit_pkce", yes(app.requiresPkce === false)],
    ["admin.needs_par", yes(app.requiresPushedRequests)],
    ["admin.needs_dpop", yes(app.requiresDpop)],
  ];
  return settings.map(
    ([label, value]) =>
      value !== undefined && (
        <div key={label}>
          <dt>{frame.say(label)}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ),
  );
}

/** Settings of an app that have several values. */
export function AppLists({ app, frame }: Props) {
  const lists: [MessageId, readonly string[] | undefined][] = [
    ["admin.redirect_uris", app.redirectUris],
    ["keys.scopes", app.scopes],
    ["admin.grant_types", app.grantTypes],
    ["admin.logout_uris", app.postLogoutRedirectUris],
    ["admin.origins", app.origins],
    ["admin.resources", app.resources],
    ["admin.serves", app.serves],
  ];
  return lists.map(
    ([label, list = []]) =>
      list.length > 0 && (
        <div key={label}>
          <h2>{frame.say(label)}</h2>
          <ul class="list-plain">
            {list.map((one) => (
              <li key={one}>
                <code>{one}</code>
              </li>
            ))}
          </ul>
        </div>
      ),
  );
}

interface ChangeProps extends Props {
  state: FormState;
  action: string;
}

/** The form that changes what an app was registered with on its page; the API changes the rest. */
export function ChangeApp({ app, frame, state, action }: ChangeProps) {
  const shared = { frame, state, form: "change" } as const;
  const text = { type: "text", autocomplete: "off", required: true } as const;
  return (
    <Reasoned frame={frame} state={state} name="change" action={action} label="admin.app_change">
      <Field {...shared} {...text} name="name" label="admin.app_name" value={app.name} />
      <TextArea
        {...shared}
        name="redirect_uris"
        label="admin.redirect_uris"
        hint={frame.say("admin.redirect_uris_hint")}
        value={app.redirectUris.join("\n")}
      />
      <Field {...shared} {...text} name="scopes" label="keys.scopes" value={app.scopes.join(" ")} />
    </Reasoned>
  );
}
