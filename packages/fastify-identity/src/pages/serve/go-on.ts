import type { Page } from "../page.js";
import { safeReturnTo } from "./return-to.js";

/** Where a page was asked to go on to, if that is a place of ours. */
export function returnToOf(page: Page): string | undefined {
  return trusted(page, page.query("return_to"));
}

/** An address, if people may be sent there. */
export function trusted({ site }: Page, address: string | undefined): string | undefined {
  const { issuer, trustedOrigins } = site.service.settings;
  return safeReturnTo(address, issuer, trustedOrigins);
}

/**
 * Where to go after a sign-in. A place of the application's may redirect further, where no form of ours may end: a page of
 * ours goes there.
 */
export function placeAfter(page: Page, returnTo: string | undefined): string {
  const { prefix } = page.site;
  if (returnTo === undefined) return page.link("");
  const isPage = [`${prefix}/`, `${prefix}?`].some((start) => `${returnTo}/`.startsWith(start));
  return isPage ? returnTo : page.link("/signed-in", { return_to: returnTo });
}
