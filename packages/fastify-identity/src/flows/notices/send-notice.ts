import type { FlowContext } from "../context.js";
import { withTimeLimit } from "../time-limit.js";
import type { Notice } from "./notice.js";

/** Hands a notice over; rejects when the notifier fails, or takes so long that nobody waits for it any more. */
export function sendNotice({ notifier, noticeTimeoutMs }: FlowContext, notice: Notice): Promise<void> {
  const late = `the notifier took longer than ${noticeTimeoutMs} ms`;
  return withTimeLimit(noticeTimeoutMs, late, () => notifier.send(notice));
}
