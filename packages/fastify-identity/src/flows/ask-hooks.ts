import { limits, textSchema } from "@org/db-models/core";
import type { Types } from "mongoose";
import { z } from "zod";
import type { FlowContext } from "./context.js";
import type { HookAnswer, IdentityHooks, MaybePromise } from "./hooks.js";
import { IdentityProblem } from "./problems.js";
import type { Requester } from "./requester.js";
import { withTimeLimit } from "./time-limit.js";

/** So that the event has room for what the flow itself says of it. */
const maxDetails = 16;

const text = textSchema({ min: 1, max: limits.auditValue });

/** What a hook may answer: texts that the audit trail takes, and a client can be shown. */
const answerSchema = z.union(
  [
    z.strictObject({ refuse: text }),
    z.strictObject({
      details: z
        .record(textSchema({ min: 1, max: 64 }), text)
        .refine((details) => Object.keys(details).length <= maxDetails),
    }),
    z.undefined(),
    z.null(),
  ],
  "a hook answers { refuse }, { details } or nothing, with texts of 1 to 512 characters",
);

/**
 * Asks a hook that may refuse.
 *
 * @param userId - whose event the answer becomes part of: it must not carry their id, which would outlive the person.
 * @returns the details that it adds.
 * @throws IdentityProblem `code` when it refuses, `HOOK_FAILED` when it throws, answers nonsense or takes too long.
 */
export async function askHook(
  { hookTimeoutMs }: Pick<FlowContext, "hookTimeoutMs">,
  code: "REGISTRATION_REFUSED" | "SIGN_IN_REFUSED",
  ask: () => MaybePromise<HookAnswer>,
  userId?: Types.ObjectId,
): Promise<Readonly<Record<string, string>>> {
  let answer: z.output<typeof answerSchema>;
  try {
    answer = answerSchema.parse(await within(hookTimeoutMs, ask));
    if (userId && names(answer, userId)) throw new TypeError("a hook answered with the id of a person");
  } catch (cause) {
    throw new IdentityProblem("HOOK_FAILED", {}, { cause });
  }
  if (!answer) return {};
  if ("refuse" in answer) throw new IdentityProblem(code, { reason: answer.refuse });
  return answer.details;
}

const names = (answer: unknown, userId: Types.ObjectId): boolean =>
  (JSON.stringify(answer) ?? "").toLowerCase().includes(userId.toHexString());

/** Calls a hook after responding; its failure is logged. */
export function tellHook(
  { background, hookTimeoutMs }: FlowContext,
  { log }: Requester,
  name: keyof IdentityHooks,
  tell: () => MaybePromise<unknown>,
): void {
  background.run(
    () => within(hookTimeoutMs, tell),
    (err) => log.error({ err, hook: name }, "a hook failed"),
  );
}

function within<T>(timeoutMs: number, act: () => MaybePromise<T>): Promise<T> {
  return withTimeLimit(timeoutMs, `a hook took longer than ${timeoutMs} ms`, act);
}
