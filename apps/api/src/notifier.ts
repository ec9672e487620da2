import { createHmac } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Notifier } from "@org/fastify-identity";
import type { FastifyBaseLogger } from "fastify";
import { createTransport } from "nodemailer";
import type { Config } from "./config.js";

/** A notifier that holds connections until it is closed. */
export interface ClosableNotifier extends Notifier {
  close(): Promise<void>;
}

type NotifierConfig = Pick<Config, "notifier" | "smtpUrl" | "mailFrom" | "webhookUrl" | "webhookSecret">;

/** The notifier that the configuration names. */
export function createNotifier(config: NotifierConfig, log: FastifyBaseLogger): ClosableNotifier {
  const { notifier, smtpUrl, mailFrom, webhookUrl, webhookSecret } = config;
  if (notifier === "smtp" && smtpUrl && mailFrom) return smtpNotifier(smtpUrl, mailFrom);
  if (notifier === "webhook" && webhookUrl && webhookSecret)
    return webhookNotifier(webhookUrl, webhookSecret);
  return consoleNotifier(log);
}

function consoleNotifier(log: FastifyBaseLogger): ClosableNotifier {
  return {
    send: async ({ kind, to, text }) => log.warn({ notice: kind, to, text }, "a notice, for development"),
    close: async () => undefined,
  };
}

const timeoutMs = 5_000;

function smtpNotifier(url: string, from: string): ClosableNotifier {
  const transport = createTransport(url, { from });
  return {
    send: async ({ to, subject, text, html }) =>
      void (await transport.sendMail({ to, subject, text, ...(html && { html }) })),
    close: async () => transport.close(),
  };
}

const attempts = 3;

/**
 * Posts each notice as JSON. `x-org-signature` is `v1=` and the HMAC-SHA-256, in hexadecimal, of the timestamp in
 * `x-org-timestamp` (seconds), a point, and the body: a receiver that checks both takes nothing made up or replayed.
 */
function webhookNotifier(url: string, secret: string): ClosableNotifier {
  const post = async (body: string) => {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const signature = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
    const headers = {
      "content-type": "application/json",
      "x-org-timestamp": timestamp,
      "x-org-signature": `v1=${signature}`,
    };
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the webhook answered with ${answer.status}`);
  };
  return {
    send: async (notice) => {
      const body = JSON.stringify(notice);
      for (let attempt = 1; ; attempt++) {
        try {
          return await post(body);
        } catch (error) {
          if (attempt === attempts) throw error;
          await wait(100 * 2 ** attempt);
        }
      }
    },
    close: async () => undefined,
  };
}
