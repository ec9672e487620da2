import { fingerprint } from "./text.js";

/** What a user agent says, as far as it can be compared over time. */
export interface Agent {
  /** Fingerprint of the header without its versions: an update of the browser or the system leaves it as it is. */
  readonly userAgent: string | undefined;
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
export const maxUserAgent = 512;

const versions = /([/ :])v?\d+(?:[._]\d+)*/g;
const automation =
  /(?<!cu)bot\b|crawler|spider|headless|phantomjs|puppeteer|playwright|selenium|webdriver|^(?:curl|wget|python|java|go-http|okhttp|axios|node|undici|ruby|perl|libwww|httpie|postman|insomnia|scrapy|aiohttp|guzzle|apache-httpclient)/i;

// Every browser names the ones that it imitates, so the imitators come first.
const browsers: ReadonlyArray<readonly [token: string, name: string]> = [
  ["Edg/", "Edge"],
  ["EdgA/", "Edge"],
  ["EdgiOS/", "Edge"],
  ["OPR/", "Opera"],
  ["SamsungBrowser/", "Samsung Internet"],
  ["FxiOS/", "Firefox"],
  ["CriOS/", "Chrome"],
  ["Firefox/", "Firefox"],
  ["Chrome/", "Chrome"],
  ["Version/", "Safari"],
];

const systems: ReadonlyArray<readonly [token: string, name: string]> = [
  ["Windows", "Windows"],
  ["iPhone", "iOS"],
  ["iPad", "iOS"],
  ["Android", "Android"],
  ["Mac OS X", "macOS"],
  ["CrOS", "ChromeOS"],
  ["Linux", "Linux"],
];

/**
 * Reads a header, already cut and cleaned. The parser knows the names that matter for comparing a person's own
 * sign-ins; a caller with a better one hands its names in.
 */
export function readAgent(header: string): Agent {
  const browser = browsers.find(([token]) => header.includes(token));
  const os = systems.find(([token]) => header.includes(token))?.[1];
  return {
    userAgent: skeletonOf(header),
    browser: browser?.[1],
    browserMajor: browser ? numberAt(header, header.indexOf(browser[0]) + browser[0].length) : 0,
    os,
    deviceType: os ? deviceTypeOf(header) : undefined,
    automated: isAutomated(header),
  };
}

/** Fingerprint of a header with its versions taken out. */
export function skeletonOf(header: string): string {
  return fingerprint(header.replace(versions, "$1"));
}

/** Whether the header names a program that nobody sits before. */
export function isAutomated(header: string): boolean {
  return automation.test(header);
}

/** Splits `Chrome 120.0.1` into name and major version. */
export function splitVersion(text: string): { name: string; major: number } {
  const match = /^(.*?)[ /]v?(\d{1,6})[\d._]*$/.exec(text);
  return match?.[1] ? { name: match[1], major: Number(match[2]) } : { name: text, major: 0 };
}

function deviceTypeOf(header: string): string {
  if (header.includes("iPad") || header.includes("Tablet")) return "tablet";
  return header.includes("Mobi") ? "mobile" : "desktop";
}

function numberAt(text: string, start: number): number {
  let value = 0;
  for (let index = start; index < start + 6; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  return value;
}
