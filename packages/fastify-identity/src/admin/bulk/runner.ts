import type { HeldBulkJob } from "@org/db-models";
import type { FlowLog } from "../../flows/flow-log.js";
import type { Notice } from "../../flows/notices/notice.js";
import { sendNotice } from "../../flows/notices/send-notice.js";
import { requesterFrom } from "../../flows/requester.js";
import type { Service } from "../../service.js";
import { type Acting, noteRead } from "../acting.js";
import type { AdminSettings } from "../options.js";
import { permissionsFor } from "../permissions.js";
import { userActs } from "./acts.js";
import { runItem, type Turn } from "./run-item.js";

/** Jobs that one instance works on at the same time. */
const maxJobs = 4;
/** Users of a job who have their turn at the same time. */
const maxUsers = 16;
/** A job whose users take long is said to be worked on this often: it is another process's after half a minute. */
const keepMs = 10_000;
/** What the service could not do is tried again after this long. */
const retryMs = 30_000;

/**
 * Works on the bulk jobs that are due, some users at a time, as the administrators who started them. Several instances share
 * them: each job has one at a time.
 */
export class BulkRunner {
  readonly #service: Service;
  readonly #settings: AdminSettings;
  readonly #log: FlowLog;
  readonly #running = new Set<Promise<void>>();
  #isClosing = false;

  constructor(service: Service, settings: AdminSettings, log: FlowLog) {
    this.#service = service;
    this.#settings = settings;
    this.#log = log;
  }

  /** Takes up what is due, and returns: the work goes on in the background. */
  async takeUp(): Promise<void> {
    const limit = maxJobs - this.#running.size;
    if (this.#isClosing || limit <= 0) return;
    try {
      for (const job of await this.#service.identity.bulkJobs.takeUp({ limit })) this.#begin(job);
    } catch (err) {
      this.#log.error({ err }, "bulk jobs were not taken up");
    }
  }

  /** Lets go of every job after the users whose turn it is: another instance goes on at once. */
  close(): void {
    this.#isClosing = true;
  }

  /** Resolves when this instance works on no job. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #begin(job: HeldBulkJob): void {
    const running = this.#work(job)
      .catch((err: unknown) => this.#log.error({ err, job: job.id.toHexString() }, "a bulk job was let go"))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #work(job: HeldBulkJob): Promise<void> {
    const { bulkJobs, administrators } = this.#service.identity;
    while (await bulkJobs.keep(job)) {
      if (this.#isClosing) return bulkJobs.release({ job });
      const members = await administrators.list();
      const roles = members.find(({ userId }) => userId.equals(job.createdBy))?.roles ?? [];
      const acting = this.#actingFor(job, roles);
      const { permission } = userActs[job.act];
      // Who was dismissed or locked meanwhile has no roles.
      if (!acting.permissions.has(permission)) return this.#end(acting, job, "INSUFFICIENT_ROLE");
      const items = await bulkJobs.next({ job, limit: maxUsers });
      if (items.length === 0) return this.#end(acting, job);
      const turns = items.map((item) => ({ acting, administrators: members, job, item }));
      await this.#runAll(job, turns);
    }
  }

  /** Each is noted as soon as it is done: what a crash cuts off is few users. */
  async #runAll(job: HeldBulkJob, turns: readonly Turn[]): Promise<void> {
    const { bulkJobs } = this.#service.identity;
    const keeping = setInterval(() => {
      bulkJobs
        .keep(job)
        .catch((err: unknown) => this.#log.error({ err }, "a bulk job may be lost to another"));
    }, keepMs);
    const runs = turns.map(async (turn) =>
      bulkJobs.settle({ job, item: turn.item, result: await runItem(turn) }),
    );
    const results = await Promise.allSettled(runs);
    clearInterval(keeping);
    const failed = results.find((run) => run.status === "rejected");
    if (!failed) return;
    await bulkJobs.release({ job, afterMs: retryMs });
    throw failed.reason;
  }

  /** Recorded first: a crash in between has it recorded once more. */
  async #end(acting: Acting, job: HeldBulkJob, stopCode?: string): Promise<void> {
    const counts = Object.entries(job.counts).map(([name, count]) => [name, String(count)]);
    const code = stopCode !== undefined && { code: stopCode };
    await noteRead(acting, {
      action: stopCode === undefined ? "admin.bulk_job_ended" : "admin.bulk_job_stopped",
      targetType: "bulk_job",
      targetId: job.id.toHexString(),
      details: { act: job.act, reason: job.reason, ...Object.fromEntries(counts), ...code },
    });
    await acting.service.identity.bulkJobs.end({ job, ...(stopCode !== undefined && { stopCode }) });
  }

  /** The administrator who started a job, with what they may do now. They need no session: theirs may have ended. */
  #actingFor(job: HeldBulkJob, roles: Acting["roles"]): Acting {
    const [service, log] = [this.#service, this.#log];
    const tell = async (notice: Notice) => {
      try {
        await sendNotice(service, notice);
      } catch (err) {
        log.error({ err, notice: notice.kind }, "a notice was not sent");
      }
    };
    return {
      service,
      settings: this.#settings,
      requester: requesterFrom({ log }),
      userId: job.createdBy,
      roles,
      permissions: permissionsFor(roles, this.#settings),
      jobId: job.id.toHexString(),
      tell,
    };
  }
}
