import { administratorRoles } from "@org/db-models/core";
import { IdentityProblem } from "../../flows/problems.js";
import { Codes } from "../../pages/components/codes.js";
import { Field, Form, isRefused, Submit } from "../../pages/components/form.js";
import type { FormState } from "../../pages/look/frame.js";
import { type KnownAdministrator, listAdministrators, setRoles } from "../acts/administrators.js";
import type { AdminPage } from "./parts/define.js";
import { fields, rolesOf } from "./parts/fields.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment, ReasonField, RowAct } from "./parts/layout.js";

const path = "/administrators";

interface AdministratorsView {
  readonly state: FormState;
  readonly administrators: readonly KnownAdministrator[];
  readonly ownId: string;
}

export const administratorsPage: AdminPage<AdministratorsView> = {
  path,
  permission: "administrators:read",
  template: Administrators,
  view: async ({ acting }, state) => ({
    state,
    administrators: await listAdministrators(acting),
    ownId: acting.userId.toHexString(),
  }),
  forms: [
    {
      name: "add",
      path: `${path}/add`,
      permission: "administrators:write",
      problemAt: { USER_NOT_FOUND: "email", USER_NOT_ACTIVE: "email" },
      submit: async ({ acting, page, link }, form) => {
        const { email, reason } = form.read({ email: fields.email, reason: fields.reason });
        const { users } = await acting.service.identity.users.search({ text: email, by: "email", limit: 1 });
        const user = users.find((one) => one.email === email);
        if (!user) throw new IdentityProblem("USER_NOT_FOUND");
        await setRoles(acting, { userId: user._id, roles: rolesOf(form.all("roles")), reason });
        return page.redirect(link(path), { id: "admin.done_roles" });
      },
    },
    {
      name: "change",
      path: `${path}/change`,
      permission: "administrators:write",
      submit: async ({ acting, page, link }, form) => {
        const { user: userId, reason } = form.read({ user: fields.id, reason: fields.reason });
        await setRoles(acting, { userId, roles: rolesOf(form.all("roles")), reason });
        return page.redirect(link(path), { id: "admin.done_roles" });
      },
    },
  ],
};

interface Props {
  view: AdministratorsView;
  frame: AdminFrame;
}

function Administrators({ view, frame }: Props) {
  const { state, administrators } = view;
  const writes = frame.admin.may("administrators:write");
  return (
    <AdminLayout
      frame={frame}
      section={path}
      title={frame.t("admin.administrators")}
      refused={isRefused(state)}
    >
      <p class="muted">{frame.say("admin.administrators_text")}</p>
      <section class="card stack">
        <ul class="list">
          {administrators.map((one) => (
            <Row key={one.userId.toHexString()} one={one} view={view} frame={frame} />
          ))}
        </ul>
      </section>
      {writes && (
        <section class="card">
          <Form frame={frame} name="add" state={state} action={frame.admin.link(`${path}/add`)}>
            <h2>{frame.say("admin.add_administrator")}</h2>
            <Field
              frame={frame}
              state={state}
              form="add"
              name="email"
              label="field.email"
              type="email"
              autocomplete="off"
              hint={frame.say("admin.add_hint")}
              required
            />
            <Roles frame={frame} name="add" checked={[]} />
            <ReasonField frame={frame} state={state} form="add" />
            <Submit frame={frame} label="admin.add_submit" look="primary" />
          </Form>
        </section>
      )}
    </AdminLayout>
  );
}

function Row({ one, view, frame }: Props & { one: KnownAdministrator }) {
  const id = one.userId.toHexString();
  return (
    <li>
      <div class="what stack-s">
        <p>
          <a href={frame.admin.link(`/users/${id}`)}>
            <bdi>{one.email}</bdi>
          </a>{" "}
          {id === view.ownId && <span class="tag calm">{frame.say("admin.you")}</span>}
        </p>
        <p>
          <Codes of={one.roles} />
        </p>
        <p class="muted small">
          {frame.say("admin.since", { date: <Moment frame={frame} at={one.since} /> })}
        </p>
      </div>
      {frame.admin.may("administrators:write") && (
        <RowAct
          frame={frame}
          state={view.state}
          form="change"
          field="user"
          id={id}
          action={frame.admin.link(`${path}/change`)}
          label="admin.change_roles"
          submit="admin.save_roles"
          what={one.email}
        >
          {(form) => <Roles frame={frame} name={form} checked={one.roles} />}
        </RowAct>
      )}
    </li>
  );
}

/** A box for each role, with what it may do. */
function Roles({ frame, name, checked }: { frame: AdminFrame; name: string; checked: readonly string[] }) {
  // Where nobody acts for users, the role for it is not given; who has it keeps it, and it does nothing.
  const { impersonation } = frame.admin;
  const shown = administratorRoles.filter(
    (role) => impersonation || role !== "identity:impersonator" || checked.includes(role),
  );
  return (
    <fieldset class="stack-s">
      <legend class="label">{frame.say("admin.roles_label")}</legend>
      {shown.map((role) => {
        const short = role.split(":")[1] as "support" | "auditor" | "impersonator" | "admin";
        const id = `${name}-${short}`;
        return (
          <label class="check" for={id} key={role}>
            <input type="checkbox" id={id} name="roles" value={role} checked={checked.includes(role)} />
            <span>
              <code>{role}</code> {frame.say(`admin.role_${short}`)}
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}
