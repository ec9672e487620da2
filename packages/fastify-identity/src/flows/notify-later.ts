import type { FastifyRequest } from "fastify";
import type { Service } from "../service.js";
import type { Notice } from "./notice.js";

/** Sends a notice without holding up the answer: a mail server may be slow, and the time that it takes tells of it. */
export function notifyLater(service: Service, request: FastifyRequest, notice: Notice): void {
  const failed = (err: unknown) => request.log.error({ err, notice: notice.kind }, "a notice was not sent");
  service.background.run(() => service.notifier.send(notice), failed);
}
