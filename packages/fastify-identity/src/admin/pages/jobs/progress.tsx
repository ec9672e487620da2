import { setTimeout as sleep } from "node:timers/promises";
import type { BulkJob } from "@org/db-models";
import { render as renderToString } from "preact-render-to-string";
import type { StreamMessage } from "../../../http/event-stream.js";
import type { Acting } from "../../acting.js";
import type { AdminFrame } from "../parts/frame.js";

const lookMs = 1_000;

/** How far a job has come, whenever that changes; at last that it does not run any more. */
export async function* followJob(
  { service }: Acting,
  { id }: BulkJob,
  { frame, signal }: { readonly frame: AdminFrame; readonly signal: AbortSignal },
): AsyncGenerator<StreamMessage, void, void> {
  const message = (event: string, html: string): StreamMessage => ({
    id: id.toHexString(),
    event,
    data: { html },
  });
  let last = "";
  while (!signal.aborted) {
    const job = await service.identity.bulkJobs.read({ id });
    if (job?.state !== "running") {
      yield message("over", renderToString(<Over frame={frame} id={id.toHexString()} />));
      return;
    }
    const html = renderToString(<Progress frame={frame} job={job} />);
    if (html !== last) yield message("progress", html);
    last = html;
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

function Over({ frame, id }: { frame: AdminFrame; id: string }) {
  return (
    <p>
      {frame.say("admin.job_gone")}{" "}
      <a href={frame.admin.link(`/jobs/${id}`)}>{frame.say("admin.job_show")}</a>
    </p>
  );
}

const minute = 60_000;

/** How far a running job has come, in a bar and in words. */
export function Progress({ frame, job }: { frame: AdminFrame; job: BulkJob }) {
  const { counts, progress, total } = job;
  const { done, skipped, failed, excluded } = counts;
  const settled = done + skipped + failed;
  return (
    <div class="stack-s">
      <progress
        class="wide"
        aria-label={frame.t("admin.job_state_running")}
        value={settled}
        max={total - excluded}
      />
      <p>
        {(["done", "skipped", "failed", "pending"] as const)
          .map((name) => `${frame.t(`admin.job_${name}`)}: ${frame.number(counts[name])}`)
          .join(" · ")}
      </p>
      {progress && (
        <p class="muted">
          {frame.say("admin.job_rate", {
            rate: frame.number(Math.round(progress.perSecond * 10) / 10),
            left:
              progress.leftMs < minute
                ? frame.t("admin.job_seconds", { count: Math.ceil(progress.leftMs / 1_000) })
                : frame.t("admin.job_minutes", { count: Math.ceil(progress.leftMs / minute) }),
          })}
        </p>
      )}
    </div>
  );
}
