import type { FlowContext } from "../context.js";
import type { Requester } from "../requester.js";
import type { Notice } from "./notice.js";
import { sendNotice } from "./send-notice.js";

/** Sends a notice without holding up the answer: a mail server may be slow, and the time that it takes tells of it. */
export function notifyLater(context: FlowContext, requester: Requester, notice: Notice): void {
  const failed = (err: unknown) => requester.log.error({ err, notice: notice.kind }, "a notice was not sent");
  context.background.run(() => sendNotice(context, notice), failed);
}
