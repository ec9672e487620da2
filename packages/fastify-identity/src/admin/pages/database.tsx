import { readHealth } from "../acts/database.js";
import type { CheckedHealth, DatabaseFinding, HealthChecks } from "../database-health.js";
import type { AdminPage } from "./parts/define.js";
import type { AdminFrame } from "./parts/frame.js";
import { AdminLayout, Moment } from "./parts/layout.js";

const path = "/database";

/** The page of the database's health. */
export function databasePage(checks: HealthChecks): AdminPage<CheckedHealth> {
  return {
    path,
    permission: "database:read",
    template: Database,
    view: ({ acting }) => readHealth(acting, checks),
    forms: [],
  };
}

const severities = ["critical", "warning", "info"] as const;
const looks = { info: "calm", warning: "warn", critical: "bad" } as const;

interface Props {
  view: CheckedHealth;
  frame: AdminFrame;
}

function Database({ view, frame }: Props) {
  const { at, health } = view;
  const { score, parts, findings, undecided } = health;
  return (
    <AdminLayout frame={frame} section={path} title={frame.t("admin.database")}>
      <section class="card stack">
        <p>
          <strong>{frame.say("admin.database_score", { score: frame.number(score) })}</strong>{" "}
          <span class="muted small">
            {frame.say("admin.database_checked", { date: <Moment frame={frame} at={at} /> })}
          </span>
        </p>
        {undecided && <p class="muted">{frame.say("admin.database_undecided")}</p>}
        <dl class="facts plain-facts">
          {parts.map(({ part, points }) => (
            <div key={part}>
              <dt>
                <English>{part}</English>
              </dt>
              <dd>{points === null ? frame.say("admin.database_unchecked") : frame.number(points)}</dd>
            </div>
          ))}
        </dl>
        <p>
          <a href={frame.admin.link(path)}>{frame.say("admin.database_again")}</a>
        </p>
      </section>
      <section class="card stack">
        <h2>{frame.say("admin.database_findings")}</h2>
        {findings.length === 0 ? (
          <p>{frame.say("admin.database_none")}</p>
        ) : (
          <ul class="list">
            {severities
              .flatMap((severity) => findings.filter((finding) => finding.severity === severity))
              .map((finding, index) => (
                <Finding key={index} finding={finding} frame={frame} />
              ))}
          </ul>
        )}
      </section>
    </AdminLayout>
  );
}

/** A text of the check, which is in English whatever the page is in. */
function English({ children }: { children: string }) {
  return (
    <bdi lang="en" dir="ltr">
      {children}
    </bdi>
  );
}

function Finding({ finding, frame }: { finding: DatabaseFinding; frame: AdminFrame }) {
  const { code, severity, subject, message, evidence, command } = finding;
  return (
    <li>
      <div class="what stack-s">
        <p>
          <English>{message}</English>{" "}
          <span class={`tag ${looks[severity]}`}>{frame.say(`activity.${severity}`)}</span>
        </p>
        <p class="small">
          <code class="scope">{code}</code> <code class="scope">{subject}</code>
        </p>
        <p class="muted small">
          <English>{evidence}</English>
        </p>
        {command && (
          <div>
            <p class="label">{frame.say("admin.database_command")}</p>
            <code class="secret" dir="ltr">
              {command}
            </code>
          </div>
        )}
      </div>
    </li>
  );
}
