import type { ClientType } from "../schemas/app.js";
import { limits } from "../schemas/common.js";

const loopbackHosts: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);
// What a URL parser would quietly change or drop, and the backslash that browsers take for a slash.
const plainText = /^[\x21\x23-\x5B\x5D-\x7E]+$/;
// RFC 8252 section 7.1: a domain name backwards, which `javascript` and `data` are not.
const privateScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:\//;

/**
 * Whether an app may register a redirect URI: https; http to the device itself; for public clients also a private-use
 * scheme with a dot, such as `com.example.app:/callback` (RFC 8252). Absolute, without fragment (RFC 6749 section
 * 3.1.2) and without credentials. Requests are then compared with it as exact strings, the port of a loopback address
 * included.
 */
export function isRedirectUri(value: string, type: ClientType): boolean {
  if (value.length > limits.uri || !plainText.test(value) || value.includes("#")) return false;
  if (!URL.canParse(value)) return false;
  const { username, password, hostname } = new URL(value);
  if (username || password) return false;
  if (value.startsWith("https://")) return hostname !== "";
  if (value.startsWith("http://")) return loopbackHosts.has(hostname);
  return type === "public" && privateScheme.test(value);
}
