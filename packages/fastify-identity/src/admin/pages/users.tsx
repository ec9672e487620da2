import type { FoundUsers, UserSearchKind, UserStatus } from "@org/db-models";
import { readPagePosition } from "@org/db-models/queries";
import { userStatuses } from "@org/db-models/schemas";
import { Codes } from "../../pages/components/codes.js";
import { Field, Form, FormToken, isRefused, Select, Submit } from "../../pages/components/form.js";
import { type FormState, untouched } from "../../pages/look/frame.js";
import type { Page } from "../../pages/page.js";
import { findUsers, type ListedUser, listUsers, type UserFilter } from "../acts/users.js";
import type { AdminPage } from "./parts/define.js";
import { fields } from "./parts/fields.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment } from "./parts/layout.js";

const path = "/users";
const limit = 25;

interface UsersView {
  readonly state: FormState;
  readonly users: readonly ListedUser[];
  readonly filter: UserFilter;
  /** Where older ones are. */
  readonly next: string | undefined;
  /** A search, in the place of a list. */
  readonly found:
    | { readonly text: string; readonly by: UserSearchKind; readonly next: string | undefined }
    | undefined;
}

const isStatus = (text: string | undefined): text is UserStatus =>
  text !== undefined && (userStatuses as readonly string[]).includes(text);

export const usersPage: AdminPage<UsersView> = {
  path,
  permission: "users:read",
  template: Users,
  view: async ({ acting, page }, state) => {
    const before = page.query("before");
    const filter = filterOf(page);
    const position = before === undefined ? undefined : readPagePosition(before);
    const list = await listUsers(acting, {
      ...filter,
      page: { limit, ...(position && { before: position }) },
    });
    return { state, ...list, filter, found: undefined };
  },
  forms: [
    {
      // Sent, not in the address: what people are searched by would stay in logs and histories.
      name: "search",
      path: `${path}/search`,
      answers: "looks_up",
      permission: "users:read",
      writes: false,
      problemAt: { INVALID_INPUT: "text" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_search" } },
      submit: async ({ acting, show }, form) => {
        const { text } = form.read({ text: fields.search });
        const by = form.text("by") as UserSearchKind | "";
        const after = form.text("after");
        const input = { text, limit, ...(by && { by }), ...(after && { after }) };
        const { users, ...found }: FoundUsers = await findUsers(acting, input);
        const view = { state: untouched, users, filter: { sort: "created" }, next: undefined } as const;
        return show(Users, { ...view, found: { text, by: found.by, next: found.next } });
      },
    },
  ],
};

function Users({ view, frame }: { view: UsersView; frame: AdminFrame }) {
  const { state, users, filter, next, found } = view;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.users")} refused={isRefused(state)}>
      <section class="card">
        <Form frame={frame} name="search" state={state} action={frame.admin.link(`${path}/search`)}>
          <Field
            frame={frame}
            state={state}
            form="search"
            name="text"
            label="admin.search"
            type="text"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            hint={frame.say("admin.search_hint")}
            value={found?.text ?? ""}
            required
          />
          <Submit frame={frame} label="admin.search_submit" look="primary" />
        </Form>
      </section>
      <section class="card stack">
        {found ? (
          <div class="row">
            <h2>{frame.say("admin.found", { by: frame.t(`admin.by_${found.by}`) })}</h2>
            <a href={frame.admin.link(path)}>{frame.say("admin.all_users")}</a>
          </div>
        ) : (
          <>
            <h2>{frame.say("admin.all_users")}</h2>
            <Filter frame={frame} filter={filter} />
          </>
        )}
        {users.length === 0 ? (
          <p>{frame.say(found ? "admin.found_none" : "admin.users_none")}</p>
        ) : (
          <ul class="list">
            {users.map((user) => (
              <UserRow key={user._id.toHexString()} user={user} frame={frame} />
            ))}
          </ul>
        )}
        {!found && frame.admin.may("users:write") && (
          <p>
            <a href={frame.admin.link("/jobs", { ...filter })}>{frame.say("admin.jobs_link")}</a>
          </p>
        )}
        {next && (
          <a href={frame.admin.link(path, { ...filter, before: next })}>
            {frame.say(filter.sort === "active" ? "admin.more" : "activity.older")}
          </a>
        )}
        {found?.next && (
          <form method="post" action={frame.admin.link(`${path}/search`)}>
            <FormToken frame={frame} />
            <input type="hidden" name="text" value={found.text} />
            <input type="hidden" name="by" value={found.by} />
            <input type="hidden" name="after" value={found.next} />
            <Submit frame={frame} label="admin.more" look="secondary" />
          </form>
        )}
      </section>
    </AdminLayout>
  );
}

/** What the address asks for. A role stands alone: there is no list by more. */
function filterOf(page: Page): UserFilter {
  const role = page.query("role")?.trim().slice(0, 64);
  if (role) return { role, sort: "created" };
  const wanted = page.query("status");
  const sort = page.query("sort") === "active" ? "active" : "created";
  return { sort, ...(isStatus(wanted) && { status: wanted }) };
}

function Filter({ frame, filter }: { frame: AdminFrame; filter: UserFilter }) {
  const { status = "", role = "", sort } = filter;
  const shared = { frame, state: untouched, form: "filter" } as const;
  const statuses = [
    { value: "", label: frame.t("admin.status_any") },
    ...userStatuses.map((value) => ({ value, label: frame.t(`admin.status_${value}`) })),
  ];
  const orders = (["created", "active"] as const).map((value) => ({
    value,
    label: frame.t(`admin.sort_${value}`),
  }));
  return (
    <form method="get" action={frame.admin.link(path)} class="actions filter">
      <Select {...shared} name="status" label="admin.status" options={statuses} value={status} />
      <Select {...shared} name="sort" label="admin.sort" options={orders} value={sort} />
      <Field
        {...shared}
        name="role"
        label="admin.role"
        type="text"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        hint={frame.say("admin.role_hint")}
        value={role}
      />
      <Submit frame={frame} label="admin.show" look="secondary" />
    </form>
  );
}

const looks = { pending: "warn", active: "good", suspended: "bad", deleted: "calm" } as const;

/** An account's status, in words and colour. */
export function StatusTag({ frame, status }: { frame: AdminFrame; status: UserStatus }) {
  return <span class={`tag ${looks[status]}`}>{frame.say(`admin.status_${status}`)}</span>;
}

function UserRow({ user, frame }: { user: ListedUser; frame: AdminFrame }) {
  const { _id, email, emailVerifiedAt, username, profile, status, roles, createdAt, lastActiveAt } = user;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <a href={frame.admin.link(`${path}/${_id.toHexString()}`)}>
            <bdi>{email}</bdi>
          </a>{" "}
          <StatusTag frame={frame} status={status} />{" "}
          {!emailVerifiedAt && <span class="tag calm">{frame.say("admin.unverified")}</span>}
        </p>
        <p class="small">
          {[profile?.displayName, username].filter(Boolean).map((name, at) => (
            <>
              {at > 0 && " · "}
              <bdi>{name}</bdi>
            </>
          ))}{" "}
          <Codes of={roles} />
        </p>
      </div>
      <p class="muted small">
        {frame.say("admin.created", { date: <Moment frame={frame} at={createdAt} /> })}
        {lastActiveAt && " · "}
        {lastActiveAt && frame.say("admin.last_active", { date: <Moment frame={frame} at={lastActiveAt} /> })}
      </p>
    </li>
  );
}
