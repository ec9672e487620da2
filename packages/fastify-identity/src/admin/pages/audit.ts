import { Readable } from "node:stream";
import type { AuditVerification } from "@org/db-models";
import { readPagePosition } from "@org/db-models/queries";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Types } from "mongoose";
import { h } from "preact";
import { render as renderToString } from "preact-render-to-string";
import { z } from "zod";
import { IdentityProblem } from "../../flows/problems.js";
import { Page } from "../../pages/page.js";
import { actingFor } from "../acting.js";
import { accountsOf } from "../acts/administrators.js";
import * as acts from "../acts/audit.js";
import { approvalFor, auditExport } from "../approvals.js";
import {
  Audit,
  type AuditFilter,
  type AuditView,
  Verification,
  VerificationResult,
} from "./audit-template.js";
import type { AdminPage, AdminRequest, AdminSite } from "./parts/define.js";
import { fields } from "./parts/fields.js";

const path = "/audit";
const limit = 25;
const shownCheckpoints = 10;

const checkpointField = {
  schema: z
    .string()
    .trim()
    .transform((text, context): unknown => {
      try {
        return text === "" ? undefined : JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "is no JSON" });
        return z.NEVER;
      }
    }),
  error: { id: "admin.error_checkpoint" },
} as const;

const lines = {
  "content-type": "application/x-ndjson",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

export const auditPage: AdminPage<AuditView> = {
  path,
  permission: "audit:read",
  template: Audit,
  view: async ({ acting, page }, state) => {
    const filter = filterOf(page);
    const { subjectId, actorId, action, since, until } = filter;
    const before = page.query("before");
    const end = before === undefined ? until : readPagePosition(before);
    const list = await acts.listAudit(acting, {
      subjectId,
      actorId,
      action,
      page: { limit, ...(end && { before: end }), ...(since && { since }) },
    });
    const about = subjectId ?? actorId;
    const [people, { checkpoints }, approvalId] = await Promise.all([
      accountsOf(acting, about ? [about] : []),
      acts.listCheckpoints(acting, { limit: shownCheckpoints }),
      approvalFor(acting, { action: auditExport }),
    ]);
    const email = about && people.get(about.toHexString())?.email;
    const { twoAdministrators } = acting.settings;
    return {
      state,
      ...list,
      filter,
      email,
      isFirst: before === undefined,
      checkpoints,
      approvalId,
      twoAdministrators,
    };
  },
  forms: [
    {
      name: "verify",
      path: `${path}/verify`,
      answers: "looks_up",
      takesLong: true,
      permission: "audit:read",
      writes: false,
      limited: true,
      problemAt: { INVALID_INPUT: "checkpoint" },
      problemTexts: { INVALID_INPUT: { id: "admin.error_checkpoint" } },
      submit: async (request, form) => {
        const { checkpoint } = form.read({ checkpoint: checkpointField });
        const steps = acts.verifyAudit(request.acting, checkpoint);
        if (request.page.request.headers.accept === lines["content-type"]) return follow(request, steps);
        let result: AuditVerification | undefined;
        for await (const step of steps) if (step.type === "result") result = step;
        if (!result) throw new TypeError("unreachable: a verification ends with its result");
        return request.show(Verification, viewOf(request, result));
      },
    },
    {
      name: "request-export",
      path: `${path}/request-export`,
      permission: "audit:export",
      submit: async ({ acting, page, link }, form) => {
        const { reason } = form.read({ reason: fields.reason });
        await acts.requestExport(acting, { reason });
        return page.redirect(link(path), { id: "admin.done_approval_requested" });
      },
    },
    {
      name: "export",
      path: `${path}/export`,
      answers: "file",
      permission: "audit:export",
      limited: true,
      submit: async ({ acting, page }, form) => {
        const read = form.read({ reason: fields.reason, since: fields.day, until: fields.day });
        const approval = form.text("approval");
        const approvalId = /^[0-9a-f]{24}$/.test(approval) ? new Types.ObjectId(approval) : undefined;
        const exported = await acts.exportAudit(acting, { ...read, approvalId });
        return page.reply
          .headers({ ...lines, "content-disposition": 'attachment; filename="audit.ndjson"' })
          .send(Readable.from(exported));
      },
    },
  ],
};

function filterOf(page: Page): AuditFilter {
  const [subjectId, actorId] = [idIn(page, "subject"), idIn(page, "actor")];
  const action = page.query("action")?.trim().slice(0, 64) || undefined;
  return { subjectId, actorId, action, since: dayIn(page, "since"), until: dayIn(page, "until") };
}

function idIn(page: Page, name: string): Types.ObjectId | undefined {
  const text = page.query(name) || undefined;
  if (text !== undefined && !/^[0-9a-f]{24}$/.test(text)) throw new IdentityProblem("NOT_FOUND");
  return text === undefined ? undefined : new Types.ObjectId(text);
}

function dayIn(page: Page, name: string): Date | undefined {
  const day = fields.day.schema.safeParse(page.query(name) ?? "");
  if (!day.success) throw new IdentityProblem("INVALID_INPUT");
  return day.data;
}

function viewOf({ acting }: AdminRequest, result: AuditVerification) {
  return { result, hasKeys: acting.settings.auditKeys.length > 0 };
}

/** Lines for the script: how far it has come, and at last the result, each as the page says it. */
async function follow(
  request: AdminRequest,
  steps: AsyncGenerator<acts.VerificationStep, void, void>,
): Promise<FastifyReply> {
  const frame = request.frame(await request.page.frame(""));
  // An invalid checkpoint is refused at its field, before the first line.
  const first = await steps.next();
  const told = async function* () {
    for (let { value: step, done } = first; step && !done; { value: step, done } = await steps.next()) {
      if (step.type === "progress") {
        const values = { events: frame.number(step.events), done: step.done, chains: step.chains };
        yield { text: frame.t("admin.audit_progress", values) };
      } else {
        yield { html: renderToString(h(VerificationResult, { view: viewOf(request, step), frame })) };
      }
    }
  };
  return request.page.reply.headers(lines).send(Readable.from(acts.linesOf(told()), { highWaterMark: 1 }));
}

/** Checkpoints as files, to be kept elsewhere. */
export function serveCheckpoints(scope: FastifyInstance, admin: AdminSite): void {
  const options = {
    config: { identity: { accept: ["session"] } },
    schema: { hide: true } as object,
  } as const;
  scope.get<{ Params: { number: string } }>(
    `${path}/checkpoints/:number`,
    options,
    async (request, reply) => {
      const acting = await actingFor(admin, request, { permission: "audit:read", writes: false });
      const number = /^\d{1,9}$/.test(request.params.number) ? Number(request.params.number) : -1;
      if (number < 0) throw new IdentityProblem("CHECKPOINT_NOT_FOUND");
      const checkpoint = await acts.readCheckpoint(acting, number);
      return new Page(admin.site, request, reply).json(checkpoint);
    },
  );
}
