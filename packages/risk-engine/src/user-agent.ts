import { readUserAgent, skeletonOf } from "@org/client-facts";
import { cleanText, fingerprint, isDigit, isDot } from "./text.js";

/** The parts of a user agent that can be compared over time. */
export interface Agent {
  /** Fingerprint of the header without its versions: an update of the browser or the system leaves it as it is. */
  readonly userAgent: string;
  /** Name only. */
  readonly browser: string | undefined;
  /** Major version; 0 where none is told. */
  readonly browserMajor: number;
  /** Name only: browsers freeze the system's version, so it tells nothing. */
  readonly os: string | undefined;
  readonly deviceType: string | undefined;
  readonly automated: boolean;
}

/** More of a header than this is not looked at, so a hostile length costs nothing. */
const maxUserAgent = 512;
/** Headers whose reading is remembered: a service sees the same few again and again. At most a megabyte. */
const remembered = new Map<string, Agent>();
const maxRemembered = 512;

/** Reads a header; `undefined` when there is none. A caller with a better parser hands its names in. */
export function readAgent(userAgent: unknown): Agent | undefined {
  if (typeof userAgent !== "string") return undefined;
  const known = remembered.get(userAgent);
  if (known) return known;
  const header = cleanText(userAgent, maxUserAgent);
  if (header === undefined) return undefined;
  const read = parse(header);
  // A long one is not remembered, not even cut: a slice would keep the whole of it in memory.
  if (userAgent.length > maxUserAgent) return read;
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(userAgent, read);
  return read;
}

function parse(header: string): Agent {
  const { browser, os, type, automated } = readUserAgent(header);
  return {
    // Of a header that is all versions, the whole: it is still the same one next time.
    userAgent: fingerprint(skeletonOf(header) || header),
    browser: browser.name,
    browserMajor: browser.version ? numberAt(browser.version, 0) : 0,
    os: os.name,
    deviceType: type === "unknown" ? undefined : type,
    automated,
  };
}

/** Splits `Chrome 120.0.1` into name and major version. */
export function splitVersion(text: string): { name: string; major: number } {
  let start = text.length;
  while (start > 0 && isVersionCode(text.charCodeAt(start - 1))) start -= 1;
  const separator = text.charCodeAt(start - 1);
  const apart = start > 1 && start < text.length && (separator === 32 || separator === 47);
  return apart ? { name: text.slice(0, start - 1), major: numberAt(text, start) } : { name: text, major: 0 };
}

function isVersionCode(code: number): boolean {
  return isDigit(code) || isDot(code);
}

function numberAt(text: string, start: number): number {
  let value = 0;
  for (let index = start; index < start + 6; index++) {
    const code = text.charCodeAt(index);
    if (!isDigit(code)) break;
    value = value * 10 + code - 48;
  }
  return value;
}
