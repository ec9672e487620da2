import { randomBytes } from "node:crypto";
import { seal, unseal } from "@org/db-models/core";
import { z } from "zod";
import { presentedToken } from "../../http/guards/held-session.js";
import type { Page } from "../page.js";

/** As long as a browser may take to follow a redirect. */
const shownMs = 120_000;
/** Browsers send all cookies with every request, and servers take 16 KiB of headers. */
const maxWaiting = 4;

const envelope = z.tuple([z.int(), z.unknown()]);

/**
 * Seals what a form made for the page that the form leads to. The key follows from the session's token, which no server
 * keeps: every instance opens it, and no other session of the same browser does.
 */
export function sealForSession(page: Page, purpose: string, value: unknown, expiresAt: Date): string {
  return seal(keyOf(page), JSON.stringify([expiresAt.getTime(), value]), purpose);
}

/** Reads what {@link sealForSession} made; `undefined` once it has expired, and in another session. */
export function unsealForSession<T>(
  page: Page,
  purpose: string,
  schema: z.ZodType<T>,
  sealed: string | undefined,
): T | undefined {
  const text = sealed && unseal(keyOf(page), sealed, purpose);
  if (!text) return undefined;
  const [expiresAt, value] = envelope.parse(JSON.parse(text));
  return expiresAt > page.site.service.clock.now().getTime() ? schema.safeParse(value).data : undefined;
}

const keyOf = ({ site, request }: Page): string => presentedToken(site.service, request).token;

/**
 * A secret that is shown once. The form that makes it redirects to a page with the id of a cookie in its query: a reload of
 * that page repeats nothing, and each of several tabs shows its own.
 */
export class ShownOnce<T> {
  readonly #purpose: string;
  readonly #schema: z.ZodType<T>;

  constructor(purpose: string, schema: z.ZodType<T>) {
    this.#purpose = purpose;
    this.#schema = schema;
  }

  /** Hands the secret to the browser. The answer belongs into the query of the page that shows it. */
  hand(page: Page, value: T): { shown: string } {
    const { cookies, service } = page.site;
    const { cookie } = page.request.headers;
    const waiting = cookies.idsOf(cookie, "shown");
    // Pages that were never opened, for each tab that was closed in between.
    if (waiting.length >= maxWaiting) for (const id of waiting) page.setCookie(cookies.end("shown", id));
    const id = randomBytes(9).toString("base64url");
    const expiresAt = new Date(service.clock.now().getTime() + shownMs);
    page.setCookie(cookies.set("shown", sealForSession(page, this.#bound(id), value, expiresAt), id));
    return { shown: id };
  }

  /** The secret that a page was opened for; `undefined` once it was shown: the browser forgets it with the page. */
  take(page: Page): T | undefined {
    const id = page.query("shown") ?? "";
    if (!/^[\w-]{12}$/.test(id)) return undefined;
    const { cookies } = page.site;
    const kept = cookies.read(page.request.headers.cookie, "shown", id);
    const value = unsealForSession(page, this.#bound(id), this.#schema, kept);
    if (value === undefined) return undefined;
    // HEAD shows nothing.
    if (page.request.method === "GET") page.whenShown(cookies.end("shown", id));
    return value;
  }

  #bound(id: string): string {
    return `${this.#purpose}:${id}`;
  }
}
