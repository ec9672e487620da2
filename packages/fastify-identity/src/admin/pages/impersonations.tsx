import { readPagePosition } from "@org/db-models/queries";
import { Types } from "mongoose";
import { IdentityProblem } from "../../flows/problems.js";
import { Pager } from "../../pages/components/pager.js";
import {
  type ImpersonationPage,
  type KnownImpersonation,
  listImpersonations,
} from "../impersonation/acts.js";
import type { AdminPage } from "./parts/define.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment } from "./parts/layout.js";
import { messageOr } from "./user-view.js";

const path = "/impersonations";
const limit = 25;

type View = ImpersonationPage & {
  readonly now: Date;
  /** Whose impersonations they are; undefined for everybody's. */
  readonly actor: string | undefined;
  readonly isFirst: boolean;
};

export const impersonationsPage: AdminPage<View> = {
  path,
  permission: "users:read",
  template: Impersonations,
  view: async ({ acting, page }) => {
    const [before, actor] = [page.query("before"), page.query("actor") || undefined];
    if (actor !== undefined && !/^[0-9a-f]{24}$/.test(actor)) throw new IdentityProblem("NOT_FOUND");
    const position = before === undefined ? undefined : readPagePosition(before);
    const list = await listImpersonations(acting, {
      actor: actor === undefined ? undefined : new Types.ObjectId(actor),
      page: { limit, ...(position && { before: position }) },
    });
    return { ...list, actor, now: acting.service.clock.now(), isFirst: before === undefined };
  },
  forms: [],
};

function Impersonations({ view, frame }: { view: View; frame: AdminFrame }) {
  const { impersonations, next, actor, isFirst } = view;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.impersonations")}>
      <p class="muted">{frame.say("admin.impersonations_text")}</p>
      <section class="card stack">
        {actor && (
          <div class="row">
            <h2>{frame.say("admin.impersonations_by", { email: impersonations[0]?.actorEmail ?? actor })}</h2>
            <a href={frame.admin.link(path)}>{frame.say("admin.impersonations_all")}</a>
          </div>
        )}
        {impersonations.length === 0 ? (
          <p>{frame.say("admin.impersonations_none")}</p>
        ) : (
          <ul class="list">
            {impersonations.map((one) => (
              <Row key={one.id.toHexString()} one={one} now={view.now} frame={frame} />
            ))}
          </ul>
        )}
        <Pager
          frame={frame}
          next={next}
          isFirst={isFirst}
          linkTo={(page) => frame.admin.link(path, { actor, ...page })}
        />
      </section>
    </AdminLayout>
  );
}

function Row({ one, now, frame }: { one: KnownImpersonation; now: Date; frame: AdminFrame }) {
  const { actor, userId, actorEmail, userEmail, reason, startedAt, expiresAt, ended } = one;
  const end = ended?.at ?? expiresAt;
  const isOver = end <= now;
  const why = ended ? messageOr(`admin.ended_${ended.why}`, "admin.session_ended") : "admin.session_expired";
  return (
    <li>
      <div class="what stack-s">
        <p>
          {frame.say("admin.impersonation_row", {
            actor: (
              <a href={frame.admin.link(path, { actor: actor.toHexString() })}>
                <bdi>{actorEmail ?? actor.toHexString()}</bdi>
              </a>
            ),
            user: (
              <a href={frame.admin.link(`/users/${userId.toHexString()}`)}>
                <bdi>{userEmail ?? userId.toHexString()}</bdi>
              </a>
            ),
          })}{" "}
          <span class={`tag ${isOver ? "calm" : "warn"}`}>
            {frame.say(isOver ? why : "admin.session_live")}
          </span>
        </p>
        <p>
          <bdi>{reason}</bdi>
        </p>
        <p class="muted small">
          {frame.say(isOver ? "admin.impersonation_was" : "admin.impersonation_is", {
            from: <Moment frame={frame} at={startedAt} />,
            to: <Moment frame={frame} at={end} />,
          })}
        </p>
      </div>
    </li>
  );
}
