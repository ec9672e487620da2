import type { FastifyReply, FastifyRequest } from "fastify";
import { authorizePath, leadsToApp, type Site } from "../site.js";

/** Where the forms of a page may end: at a page of ours, or at a client's, which may redirect anywhere. */
export type FormTargets = "self" | "any";

/**
 * The headers of a page. They are set for each page again, because the application's helmet may have set others.
 *
 * `form-action` is checked at every hop of a redirect in Chromium: so a form of ours always ends at a page of ours
 * (w3c/webappsec-csp issue 8). The referrer stays within the origin rather than away: without any, Chromium sends
 * `Origin: null` with our own forms.
 */
export function setPageHeaders(site: Site, reply: FastifyReply, nonce: string, targets: FormTargets): void {
  const { service, logoOrigin } = site;
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    `img-src 'self' data:${logoOrigin ? ` ${logoOrigin}` : ""}`,
    "connect-src 'self'",
    ...(targets === "self" ? ["form-action 'self'"] : []),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  reply.headers({
    "content-security-policy": policy.join("; "),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    ...(!isOfAuthorization(site, reply.request) && { "cross-origin-opener-policy": "same-origin" }),
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy":
      "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
    ...(service.settings.issuer.startsWith("https://") && {
      "strict-transport-security": "max-age=31536000; includeSubDomains",
    }),
  });
}

/**
 * Whether a page belongs to an authorization. Its window may be one that an app has opened, and that gives the app its answer:
 * with a policy of ours on the way there, the app would lose hold of it for good.
 */
function isOfAuthorization(site: Site, { routeOptions, query }: FastifyRequest): boolean {
  const { return_to: returnTo } = (query ?? {}) as Record<string, unknown>;
  const isAnswered = site.hasApps && routeOptions.url?.endsWith(authorizePath) === true;
  return isAnswered || (typeof returnTo === "string" && leadsToApp(site, returnTo));
}
