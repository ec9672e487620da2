import type { FastifyReply } from "fastify";
import { Page } from "../../pages/page.js";
import type { AnswerError, AnswerPlace } from "../authorization-request.js";
import type { Provider } from "../provider.js";

/** The parameters of an answer. */
export type Answer = Readonly<Record<string, string>>;

export const errorAnswer = (error: AnswerError, description: string): Answer => ({
  error,
  error_description: description,
});

/**
 * Sends the browser to the client with an answer.
 *
 * @param by - a page that goes on where a form of ours may have led here: Chromium checks the target of a form at each hop,
 * and ours may end nowhere else.
 */
export async function sendAnswer(
  { issuer, site }: Provider,
  place: AnswerPlace,
  answer: Answer,
  reply: FastifyReply,
  by: "redirect" | "page" = "redirect",
): Promise<FastifyReply> {
  const { redirectUri, responseMode, state } = place;
  // RFC 9207 section 2: also with errors.
  const whole = { ...answer, ...(state !== undefined && { state }), iss: issuer };
  const page = new Page(site, reply.request, reply);
  if (responseMode === "form_post") {
    return page.show("formPost", { action: redirectUri, fields: whole }, 200, "any");
  }
  const to = withQuery(redirectUri, whole);
  reply.headers({ "cache-control": "no-store", "referrer-policy": "no-referrer" });
  if (by === "redirect") return reply.redirect(to, 303);
  return page.show("goOn", { to, from: "app" });
}

/** Adds parameters to the query that an address may have already; the rest stays as it was registered. */
export function withQuery(address: string, parameters: Answer): string {
  const query = new URLSearchParams(parameters).toString();
  if (query === "") return address;
  const separator = !address.includes("?") ? "?" : /[?&]$/.test(address) ? "" : "&";
  return `${address}${separator}${query}`;
}
