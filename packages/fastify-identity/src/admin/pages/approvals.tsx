import { isRefused } from "../../pages/components/form.js";
import { ItemAction } from "../../pages/components/item-action.js";
import type { FormState } from "../../pages/look/frame.js";
import { decideOnApproval, type KnownApproval, listApprovals } from "../acts/administrators.js";
import { impersonation } from "../approvals.js";
import type { AdminForm, AdminPage } from "./parts/define.js";
import { fields } from "./parts/fields.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment } from "./parts/layout.js";

const path = "/approvals";

interface ApprovalsView {
  readonly state: FormState;
  readonly approvals: readonly KnownApproval[];
  readonly ownId: string;
}

export const approvalsPage: AdminPage<ApprovalsView> = {
  path,
  permission: "users:erase",
  template: Approvals,
  view: async ({ acting }, state) => ({
    state,
    approvals: await listApprovals(acting),
    ownId: acting.userId.toHexString(),
  }),
  forms: [decision("approve", true), decision("deny", false)],
};

function decision(name: "approve" | "deny", approve: boolean): AdminForm {
  return {
    name,
    path: `${path}/${name}`,
    permission: "users:erase",
    submit: async ({ acting, page, link }, form) => {
      const { id } = form.read({ id: fields.id });
      await decideOnApproval(acting, { id, approve });
      return page.redirect(link(path), { id: approve ? "admin.done_approved" : "admin.done_denied" });
    },
  };
}

interface Props {
  view: ApprovalsView;
  frame: AdminFrame;
}

function Approvals({ view, frame }: Props) {
  const { state, approvals } = view;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.approvals")} refused={isRefused(state)}>
      <p class="muted">{frame.say("admin.approvals_text")}</p>
      <section class="card stack">
        {approvals.length === 0 && <p>{frame.say("admin.approvals_none")}</p>}
        <ul class="list">
          {approvals.map((approval) => (
            <Row key={approval._id.toHexString()} approval={approval} view={view} frame={frame} />
          ))}
        </ul>
      </section>
    </AdminLayout>
  );
}

/** What an approval is about, in words and by name, and where it is used. */
function aboutOf({ action, subjectId, subjectEmail = "", targetId }: KnownApproval, frame: AdminFrame) {
  if (subjectId) {
    const path = `/users/${subjectId.toHexString()}`;
    const acts = action === impersonation;
    const title = frame.say(acts ? "admin.impersonate_of" : "admin.erase_of", { email: subjectEmail });
    const go = acts ? "admin.go_impersonate" : "admin.go_erase";
    return { title, name: subjectEmail, path, go } as const;
  }
  const id = targetId ? "admin.erase_of_job" : "admin.audit_export";
  const place = targetId
    ? ({ path: `/jobs/${targetId.toHexString()}`, go: "admin.go_job" } as const)
    : ({ path: "/audit", go: "admin.go_export" } as const);
  return { title: frame.say(id), name: frame.t(id), ...place };
}

function Row({ approval, view, frame }: Props & { approval: KnownApproval }) {
  const { _id, requesterEmail = "", requestedBy, status } = approval;
  const { title, name, path: place, go } = aboutOf(approval, frame);
  const id = _id.toHexString();
  const own = requestedBy.toHexString() === view.ownId;
  const decisions = [
    ...(own || status === "approved" ? [] : (["approve"] as const)),
    ...(status === "pending" ? (["deny"] as const) : []),
  ];
  return (
    <li>
      <div class="what stack-s">
        <p>
          <strong>{title}</strong>{" "}
          <span class={`tag ${status === "approved" ? "good" : "warn"}`}>
            {frame.say(status === "approved" ? "admin.approved" : "admin.pending")}
          </span>
        </p>
        <p>
          <bdi>{approval.reason}</bdi>
        </p>
        <p class="muted small">
          {frame.say("admin.asked_by", {
            email: requesterEmail,
            date: <Moment frame={frame} at={approval.createdAt} />,
            end: <Moment frame={frame} at={approval.expiresAt} />,
          })}
        </p>
        {!(own && status === "approved") && approval.targetId && (
          <p>
            <a href={frame.admin.link(place)}>{frame.say("admin.show_job")}</a>
          </p>
        )}
        {own && status === "approved" && (
          <p>
            <a href={frame.admin.link(place)}>{frame.say(go)}</a>
          </p>
        )}
      </div>
      <div class="actions">
        {decisions.map((what) => (
          <ItemAction
            key={what}
            frame={frame}
            state={view.state}
            name={what}
            action={frame.admin.link(`${path}/${what}`)}
            id={id}
            label={what === "deny" && own ? "admin.withdraw" : `admin.${what}`}
            what={name}
            look={what === "approve" ? "danger" : "secondary"}
          />
        ))}
      </div>
    </li>
  );
}
