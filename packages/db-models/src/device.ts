import UAParser from "ua-parser-js";
import { limits } from "./schemas/common.js";
import type { Device, DeviceType } from "./schemas/user-session.js";
import { sha256 } from "./secrets.js";

type ProgramType = Extract<DeviceType, "bot" | "client">;

/**
 * Programs that ua-parser-js 1.x does not name. The first group of a pattern is the program's name, the second its
 * version. The first match wins, so the named ones stand before the catch-all.
 */
const programs: ReadonlyArray<readonly [type: ProgramType, pattern: RegExp]> = [
  [
    "bot",
    /\b(Googlebot|AdsBot-Google|Google-InspectionTool|GoogleOther|APIs-Google)(?:-\w+)?(?:\/([\d.]+))?/i,
  ],
  [
    "bot",
    /\b(bingbot|BingPreview|DuckDuckBot|YandexBot|Baiduspider|Applebot|PetalBot|Bytespider)(?:\/([\d.]+))?/i,
  ],
  [
    "bot",
    /\b(GPTBot|ChatGPT-User|OAI-SearchBot|ClaudeBot|Claude-User|PerplexityBot|CCBot|Amazonbot|meta-externalagent)(?:\/([\d.]+))?/i,
  ],
  [
    "bot",
    /\b(facebookexternalhit|Twitterbot|LinkedInBot|Slackbot|Discordbot|TelegramBot|WhatsApp|Pinterestbot)(?:-\w+)?(?:\/([\d.]+))?/i,
  ],
  [
    "bot",
    /\b(HeadlessChrome|PhantomJS|Lighthouse|UptimeRobot|Pingdom|StatusCake|Datadog)\w*(?:\/([\d.]+))?/i,
  ],
  [
    "client",
    /\b(python-requests|python-httpx|aiohttp|Python-urllib|okhttp|Apache-HttpClient|Java-http-client|CFNetwork)\/v?([\d.]+)/i,
  ],
  [
    "client",
    /\b(axios|node-fetch|undici|superagent|GuzzleHttp|Alamofire|Dalvik|WinHttp|WindowsPowerShell)(?:\/v?([\d.]+))?/i,
  ],
  [
    "client",
    /^(curl|Wget|HTTPie|PostmanRuntime|insomnia|k6|got|node|Deno|Bun|Java|Ruby|Dart|Go-http-client|Faraday|libwww-perl|RestSharp|reqwest|hyper)\b(?:\/v?([\d.]+))?/i,
  ],
  ["bot", /\b([\w-]*(?:bot|crawler|spider|scraper|scrapy))\b(?:\/([\d.]+))?/i],
];

const deviceTypesOfParser: Readonly<Record<string, DeviceType>> = {
  mobile: "mobile",
  tablet: "tablet",
  smarttv: "tv",
  wearable: "wearable",
  console: "console",
  embedded: "client",
};

/**
 * Reads a device from a `User-Agent` header.
 *
 * @param userAgent - as received; only its first 512 characters are looked at, so a hostile length costs nothing.
 * @returns names and major versions; `type` is `unknown` for an empty or unreadable header.
 */
export function detectDevice(userAgent: string | undefined): Device {
  const header = capUserAgent(userAgent);
  if (!header) return { os: {}, browser: {}, type: "unknown", label: "Unknown device" };
  return detectProgram(header) ?? detectBrowser(header);
}

/** The header as it is stored: control characters out, at most 512 characters. */
export function capUserAgent(userAgent: string | undefined): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes.
  const printable = userAgent?.slice(0, limits.userAgent).replace(/[\u0000-\u001f\u007f]/g, "");
  return printable?.trim() || undefined;
}

/**
 * What makes two sign-ins "the same device" without a device cookie: system, browser and type, without versions, so
 * that an update is no new device. 43 characters.
 */
export function deviceHashOf(device: Device, deviceCookie?: string): string {
  if (deviceCookie) return sha256(`cookie:${deviceCookie}`);
  return sha256(JSON.stringify([device.os.name, device.browser.name, device.type]));
}

function detectProgram(header: string): Device | undefined {
  for (const [type, pattern] of programs) {
    const match = pattern.exec(header);
    if (match?.[1]) return { os: {}, browser: named(match[1], match[2]), type, label: shorten(match[1]) };
  }
  return undefined;
}

function detectBrowser(header: string): Device {
  const { browser, os, device } = new UAParser(header).getResult();
  const type = device.type ? (deviceTypesOfParser[device.type] ?? "unknown") : typeWithoutModel(os.name);
  return {
    os: named(os.name, os.version),
    browser: named(browser.name, browser.version),
    type,
    label: labelOf(browser.name, os.name, device.model),
  };
}

// Desktops have no model in their header, so the parser gives them no type.
function typeWithoutModel(os: string | undefined): DeviceType {
  if (!os) return "unknown";
  if (/^(Windows|Mac OS|Linux|Ubuntu|Debian|Fedora|Chromium OS|FreeBSD|OpenBSD)/i.test(os)) return "desktop";
  return /^(Android|iOS)/i.test(os) ? "mobile" : "unknown";
}

function labelOf(browser: string | undefined, os: string | undefined, model: string | undefined): string {
  const place = model && os ? `${model} (${os})` : (model ?? os);
  if (browser && place) return shorten(`${browser} on ${place}`);
  return shorten(browser ?? place ?? "Unknown device");
}

function named(name: string | undefined, version: string | undefined): { name?: string; version?: string } {
  if (!name) return {};
  return version ? { name: name.slice(0, 64), version: version.slice(0, 32) } : { name: name.slice(0, 64) };
}

function shorten(label: string): string {
  return label.slice(0, limits.name);
}
