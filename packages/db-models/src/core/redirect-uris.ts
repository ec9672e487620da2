import { limits } from "./limits.js";

const loopbackHosts: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);
// Excludes characters that a URL parser would silently change or drop, and the backslash that browsers take for a slash.
const plainText = /^[\x21\x23-\x5B\x5D-\x7E]+$/;
// A domain name without the final dot, or an address. URL parsers take more, such as the asterisk of a wildcard, which is none.
const host =
  /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*|\[[0-9a-f:]+\])$/;
// RFC 8252 section 7.1: a domain name backwards, which `javascript` and `data` are not.
const privateScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:\/(?!\/\/)/;

/**
 * Whether an app may register a redirect URI: https; http to the device itself; for public clients also a private-use
 * scheme with a dot, such as `com.example.app:/callback` (RFC 8252). Absolute, without fragment (RFC 6749 section
 * 3.1.2) and without credentials, and in the one spelling that URL parsers give it: no `127.1`, no capitals in the host,
 * no default port, no `..`, or another program would read another place in it. Wildcards in the host are refused.
 */
export function isRedirectUri(value: string, type: "confidential" | "public"): boolean {
  if (value.length > limits.uri || !plainText.test(value) || value.includes("#")) return false;
  if (!URL.canParse(value)) return false;
  const { username, password, hostname, href } = new URL(value);
  // Of an origin alone the parser adds the slash.
  if (username || password || (href !== value && href !== `${value}/`)) return false;
  if (value.startsWith("https://")) return host.test(hostname);
  if (value.startsWith("http://")) return loopbackHosts.has(hostname);
  return type === "public" && privateScheme.test(value);
}

const loopbackUri = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::(?:0|[1-9]\d{0,4}))?((?:[/?].*)?)$/;

/**
 * Whether a request's redirect URI is one of the app's: the same text, character by character, but for the port of a
 * loopback IP address, which an app on the device gets from its system (RFC 8252 section 7.3).
 */
export function isRegisteredUri(registered: readonly string[], requested: string): boolean {
  if (registered.includes(requested)) return true;
  const without = withoutPort(requested);
  return without !== undefined && registered.some((uri) => withoutPort(uri) === without);
}

/** A loopback URI without its port; `undefined` for any other. */
function withoutPort(uri: string): string | undefined {
  const [, origin, rest] = loopbackUri.exec(uri) ?? [];
  return origin === undefined || !URL.canParse(uri) ? undefined : `${origin}${rest}`;
}

// Pages of Capacitor, Tauri or a browser extension. The schemes that are left out belong to the web, or to no place at all.
const platformOrigin =
  /^(?!(?:https?|wss?|ftp|file|javascript|data|blob|about):)[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9.-]+$/;

/** Whether a text is an origin as browsers send it: of the web, or of a page that a platform serves from the device. */
export function isOrigin(value: string): boolean {
  if (!plainText.test(value) || !URL.canParse(value)) return false;
  const { origin, hostname } = new URL(value);
  return /^https?:/.test(value) ? origin === value && host.test(hostname) : platformOrigin.test(value);
}

/** Whether a text names a resource server: an absolute URI without a fragment (RFC 8707 section 2). */
export function isResource(value: string): boolean {
  return plainText.test(value) && URL.canParse(value) && !value.includes("#") && !/\s/.test(value);
}

/** Whether a server may be called there: https, or http to the machine itself for development. */
export function isWebUri(value: string): boolean {
  return isRedirectUri(value, "confidential");
}
