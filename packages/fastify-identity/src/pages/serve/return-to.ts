/** Characters that browsers drop or take for others while they read an address (WHATWG URL, section 4.4). */
const treacherous = /[\p{Cc}\\]/u;
/** As it was sent, and as it stands in a link: there a letter takes up to twelve characters. */
const maxLength = 2_000;

/**
 * Where to go after a sign-in: a path of this origin, or an address of a trusted one. `undefined` for anything else, so
 * that a link to the sign-in page can't send people elsewhere (ASVS 3.7.2, CWE-601).
 */
export function safeReturnTo(
  value: string | undefined,
  issuer: string,
  trustedOrigins: readonly string[],
): string | undefined {
  if (!value || value.length > maxLength || treacherous.test(value)) return undefined;
  if (!value.startsWith("/") && !/^https?:\/\/[^/?#]/i.test(value)) return undefined;
  if (value.startsWith("//") || !URL.canParse(value, issuer)) return undefined;
  const { origin, username, password, pathname, search, hash, href } = new URL(value, issuer);
  if (username || password) return undefined;
  // Dots that are resolved away can leave two slashes at the front: an address without its scheme.
  if (pathname.startsWith("//") && origin === issuer) return undefined;
  const address = origin === issuer ? `${pathname}${search}${hash}` : href;
  if (origin !== issuer && !trustedOrigins.includes(origin)) return undefined;
  return address.length > maxLength ? undefined : address;
}
