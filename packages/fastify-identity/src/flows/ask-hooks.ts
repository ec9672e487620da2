import type { FlowContext } from "./context.js";
import type { HookAnswer, IdentityHooks, MaybePromise } from "./hooks.js";
import { IdentityProblem } from "./problems.js";
import type { Requester } from "./requester.js";
import { withTimeLimit } from "./time-limit.js";

/**
 * Asks a hook that may refuse.
 *
 * @returns the details that it adds.
 * @throws IdentityProblem `code` when it refuses, `HOOK_FAILED` when it throws, answers nonsense or takes too long.
 */
export async function askHook(
  { hookTimeoutMs }: Pick<FlowContext, "hookTimeoutMs">,
  code: "REGISTRATION_REFUSED" | "SIGN_IN_REFUSED",
  ask: () => MaybePromise<HookAnswer>,
): Promise<Readonly<Record<string, string>>> {
  let answer: HookAnswer;
  try {
    answer = await within(hookTimeoutMs, ask);
  } catch (cause) {
    throw new IdentityProblem("HOOK_FAILED", {}, { cause });
  }
  if (answer === undefined) return {};
  if ("refuse" in answer) throw new IdentityProblem(code, { reason: answer.refuse });
  if ("details" in answer) return answer.details;
  throw new IdentityProblem(
    "HOOK_FAILED",
    {},
    { cause: new TypeError("a hook answers { refuse }, { details } or nothing") },
  );
}

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
