import { limits } from "@org/db-models/core";
import { bulkActs, userStatuses } from "@org/db-models/schemas";
import { Field, Form, Select, Submit, TextArea } from "../../../pages/components/form.js";
import type { FormState } from "../../../pages/look/frame.js";
import type { AdminFrame } from "../parts/frame.js";
import { ReasonField } from "../parts/layout.js";

interface NewProps {
  frame: AdminFrame;
  state: FormState;
  /** The list that somebody comes from. */
  from: { readonly status: string; readonly role: string; readonly by: string };
}

/** The forms that choose the users of a job. */
export function NewJobs({ frame, state, from }: NewProps) {
  const comesFromList = from.status !== "" || from.role !== "" || from.by === "active";
  return (
    <section class="card stack">
      <details open={state.form === "filter" || (comesFromList && state.form === undefined)}>
        <summary>{frame.say("admin.job_new_filter")}</summary>
        <ByFilter frame={frame} state={state} from={from} />
      </details>
      <details open={state.form === "list"}>
        <summary>{frame.say("admin.job_new_list")}</summary>
        <ByList frame={frame} state={state} />
      </details>
    </section>
  );
}

function ActField({ frame, state, form }: { frame: AdminFrame; state: FormState; form: string }) {
  const options = bulkActs
    .filter((act) => act !== "erase" || frame.admin.may("users:erase"))
    .map((value) => ({ value, label: frame.t(`admin.job_act_${value}`) }));
  return (
    <Select
      frame={frame}
      state={state}
      form={form}
      name="act"
      label="admin.job_act"
      options={options}
      value="end_sessions"
    />
  );
}

function ByFilter({ frame, state, from }: NewProps) {
  const shared = { frame, state, form: "filter", autocomplete: "off" } as const;
  const statuses = [
    { value: "", label: frame.t("admin.status_any") },
    ...userStatuses.map((value) => ({ value, label: frame.t(`admin.status_${value}`) })),
  ];
  const dates = (["created", "active"] as const).map((value) => ({
    value,
    label: frame.t(`admin.job_by_${value}`),
  }));
  return (
    <Form frame={frame} name="filter" state={state} action={frame.admin.link("/jobs/filter")}>
      <ActField frame={frame} state={state} form="filter" />
      <Select {...shared} name="status" label="admin.status" options={statuses} value={from.status} />
      <Field
        {...shared}
        name="role"
        label="admin.role"
        type="text"
        autocapitalize="none"
        spellcheck={false}
        hint={frame.say("admin.job_role_hint")}
        value={from.role}
      />
      <Select {...shared} name="by" label="admin.job_by" options={dates} value={from.by} />
      <div class="actions filter">
        <Field {...shared} name="since" label="admin.audit_since" type="date" value="" />
        <Field {...shared} name="until" label="admin.audit_until" type="date" value="" />
      </div>
      <ReasonField frame={frame} state={state} form="filter" />
      <Submit frame={frame} label="admin.job_prepare" look="primary" />
    </Form>
  );
}

function ByList({ frame, state }: Omit<NewProps, "from">) {
  return (
    <Form frame={frame} name="list" state={state} action={frame.admin.link("/jobs/list")}>
      <ActField frame={frame} state={state} form="list" />
      <TextArea
        frame={frame}
        state={state}
        form="list"
        name="users"
        label="admin.job_list"
        hint={frame.say("admin.job_list_hint", { limit: frame.number(limits.bulkUsers) })}
      />
      <ReasonField frame={frame} state={state} form="list" />
      <Submit frame={frame} label="admin.job_prepare" look="primary" />
    </Form>
  );
}
