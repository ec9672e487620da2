import { browsers, versionTokens } from "./browsers.js";
import { appStacks, bots, type Named, tools } from "./programs.js";
import {
  consoles,
  desktops,
  phones,
  systems,
  systemVersion,
  televisions,
  withoutNamedBrowser,
} from "./systems.js";

/** A name of the vocabulary with its version, digits and dots; nothing of what the client made up. */
interface NamedVersion {
  name?: string;
  version?: string;
}

type ClientType =
  | "desktop"
  | "mobile"
  | "tablet"
  | "tv"
  | "console"
  | "wearable"
  | "bot"
  | "client"
  | "unknown";

/** Facts from a header; those that it lacks, or that this reader does not know, are absent or `unknown`. */
interface ClientFacts {
  os: NamedVersion;
  /** Of a bot or a client: the program. */
  browser: NamedVersion;
  type: ClientType;
  /** True for bots and tools; an app's own network library is none. */
  automated: boolean;
}

/** More of a header than this is not looked at, so a hostile length costs nothing. */
const maxLength = 512;

/**
 * Reads a `User-Agent` header. Every name is one of the lists beside this file: what a client makes up gets no further.
 *
 * Source: RFC 9110 section 10.1.5 for products and comments; the vendors' pages about their own headers for the names.
 */
export function readUserAgent(userAgent: string): ClientFacts {
  const header = userAgent.slice(0, maxLength);
  return readProgram(header) ?? readBrowser(header);
}

function readProgram(header: string): ClientFacts | undefined {
  const spoken = selfDescription(header);
  const bot = findBot(spoken) ?? (header.startsWith("WhatsApp/") ? whatsApp : undefined);
  if (bot) return program("bot", bot, header);
  if (genericBot.test(spoken) || googleService.test(spoken)) return unnamedBot;
  // A library's name is the first word of its header; only some come behind an app's own.
  const first = header.startsWith("Mozilla/") ? undefined : findTool(header.split(/[\s;(]/, 1)[0] ?? "");
  const anywhere = findLaterTool(spoken) ?? findAppStack(spoken);
  const found = anywhere ?? first;
  if (found) return program("client", found, header);
  return isUnnamedBot(header) ? unnamedBot : undefined;
}

const unnamedBot: ClientFacts = { os: {}, browser: {}, type: "bot", automated: true };

const whatsApp: Named = ["WhatsApp", "WhatsApp"];
const findBot = finderOf(bots);
const findTool = finderOf(tools);
const findAppStack = finderOf(appStacks);
const findLaterTool = finderOf(
  tools.filter(([token]) => /^(aiohttp|WindowsPowerShell|WinHttp|undici)$/.test(token)),
);
const genericBot = /(?:^|[\s;(,+])[\w.-]*(?:bot|crawler|spider|scraper)(?=$|[\s/;,):~]|[-_]\w|\d)/i;
// Source: Google's list of its crawlers and fetchers, which are all called `Google-Purpose` or `Purpose-Google`.
const googleService =
  /(?<![\w-])(?:Google-[A-Z]\w*|[A-Z]\w*-Google|Google(?:Agent|Producer|ImageProxy)|Google Favicon)(?!\w)/;

/**
 * A program that says where its owner can be reached, as crawlers do with `+https://`; or one that is `compatible` with
 * browsers and is none: no system, no television.
 */
function isUnnamedBot(header: string): boolean {
  if (/\+ ?https?:\/\//.test(header)) return true;
  const only = /^Mozilla\/\d\.\d+ ?\(compatible;\s*(?![\s)]|MSIE|Konqueror)[^()]*\)$/;
  return only.test(header) && systemOf(header) === undefined && !television.test(header);
}

function program(type: "bot" | "client", [token, name]: Named, header: string): ClientFacts {
  const automated = type === "bot" || !appStacks.some(([, other]) => other === name);
  return { os: {}, browser: named(name, versionAfter(header, token)), type, automated };
}

/**
 * The parts of a header in which a program says what it is: products, what stands behind "like Gecko", and the comments
 * that give an address to complain to or consist of one product. The others name models, of which some are called Bot.
 */
function selfDescription(header: string): string {
  return header.replace(/\(([^()]*)\)?/g, (comment, inside: string) =>
    /compatible;|https?:|@|^[\w.-]+(?:\/[\d.]+)?$|^Nikto\/|GomezAgent/i.test(inside)
      ? ` ${inside} `
      : comment.startsWith("(KHTML")
        ? inside.replace(/^KHTML,? like Gecko/i, " ")
        : " ; ",
  );
}

/** Finds the first of a list whose word a text holds, whole and without regard to case. Most texts hold none of them. */
function finderOf(known: readonly Named[]): (text: string) => Named | undefined {
  const any = wordPattern(known.map(([token]) => token));
  const each = known.map((entry) => ({ entry, word: wordPattern([entry[0]]) }));
  return (text) => (any.test(text) ? each.find(({ word }) => word.test(text))?.entry : undefined);
}

function wordPattern(tokens: readonly string[]): RegExp {
  const literal = tokens.map((token) => token.replaceAll(".", "\\."));
  return new RegExp(`(?<![\\w-])(?:${literal.join("|")})(?![\\w-])`, "i");
}

function readBrowser(header: string): ClientFacts {
  const os = systemOf(header);
  const type = typeOf(header, os);
  const isSilent = os !== undefined && withoutNamedBrowser.has(os);
  return {
    os: os === undefined ? {} : named(os, systemVersion(os, header)),
    browser: isSilent ? {} : browserOf(header, os),
    type,
    automated: false,
  };
}

function systemOf(header: string): string | undefined {
  return systems.find(([token]) => header.includes(token))?.[1];
}

/** Whether a token is there and begins a word: `UBrowser/` is not in `BIDUBrowser/`. */
function holdsToken(header: string, token: string): boolean {
  const isWord = /^\w/.test(token);
  for (let at = header.indexOf(token); at >= 0; at = header.indexOf(token, at + 1)) {
    if (!isWord || at === 0 || !/[A-Za-z0-9]/.test(header[at - 1] as string)) return true;
  }
  return false;
}

function browserOf(header: string, os: string | undefined): NamedVersion {
  const known = browsers.find(([token]) => holdsToken(header, token));
  if (known) {
    const [token, name] = known;
    const tokens = versionTokens[name] ?? [token.replace(/[/ ]$/, "")];
    return named(name, firstVersion(header, tokens));
  }
  if (header.includes("Chrome/")) return named(chromeOf(header, os), versionAfter(header, "Chrome"));
  const isSafari = header.includes("Version/") && header.includes("Safari/");
  if (!isSafari) return {};
  if (os === "iOS" || os === "macOS") return named("Safari", versionAfter(header, "Version"));
  return os === "Android" ? named("Android Browser", versionAfter(header, "Version")) : {};
}

/**
 * Which of those that say `Chrome` it is. Chrome itself says nothing else: a product that is not of its header is another
 * browser's, built on Chromium. An app's WebView says `wv`, or did say `Version/4.0` before Android 5.
 *
 * Source: Chromium's "User-Agent Reduction" and Android's "WebView for Android: user agent".
 */
function chromeOf(header: string, os: string | undefined): string {
  if (header.includes("; wv)")) return "Android WebView";
  if (os === "Android" && /Version\/4\.0 Chrome\//.test(header)) return "Android WebView";
  const products = withoutComments(header).match(/[A-Za-z][\w.-]*(?=\/v?\d)/g) ?? [];
  return products.every((product) => chromesProducts.has(product)) ? "Chrome" : "Chromium";
}

const chromesProducts: ReadonlySet<string> = new Set([
  "Mozilla",
  "AppleWebKit",
  "Chrome",
  "Mobile",
  "Safari",
  "Version",
  "CrKey",
]);

/** Comments may hold others (RFC 9110 section 5.6.5), as models with brackets in their names do. */
function withoutComments(header: string): string {
  const inner = /\([^()]*\)/g;
  let text = header;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(inner, " ");
  }
  return text;
}

function named(name: string, version: string | undefined): NamedVersion {
  return version ? { name, version } : { name };
}

function firstVersion(header: string, tokens: readonly string[]): string | undefined {
  return tokens.map((token) => versionAfter(header, token)).find((version) => version !== undefined);
}

/** The version behind a token, which no more than one character parts from it. */
function versionAfter(header: string, token: string): string | undefined {
  const at = header.toLowerCase().indexOf(token.toLowerCase());
  return at < 0
    ? undefined
    : /^[/ ]?v?(\d[\d.]{0,31})/.exec(header.slice(at + token.length))?.[1]?.replace(/\.$/, "");
}

const television =
  /SMART-TV|Smart-?TV|SmartHub|\bAFT[A-Z]|BRAVIA|CrKey|Chromecast|hbbtv|NetCast|NETTV|GoogleTV|MiTV|MiBOX|AppleTV|Viera|BDPlayer|Opera TV|\bOMI\/|\bTV\b(?!.*Mobile Safari)/i;
const car = /Tesla\/|QtCarBrowser|Automotive|Polestar/;
const speaker = /SmartSpeaker|HomePod|AlexaMediaPlayer|\bSonos\//;
const headset = /OculusBrowser|PicoBrowser|\bQuest [23]\b|\bVR(?= Safari|;)|Mobile VR\b|Vision Pro/;
const watch = /\bWatch\b|watchOS|Wear ?OS/i;

function typeOf(header: string, os: string | undefined): ClientType {
  if (os === undefined) return /\bMIDP|Opera Mini\//.test(header) ? "mobile" : "unknown";
  if (consoles.has(os)) return "console";
  if (car.test(header) || speaker.test(header)) return "unknown";
  if (headset.test(header) || watch.test(header)) return "wearable";
  if (televisions.has(os) || television.test(header)) return "tv";
  if (phones.has(os)) return "mobile";
  if (desktops.has(os)) return header.includes("Mobi") && os !== "macOS" ? "unknown" : "desktop";
  return handheldOf(header);
}

// Android says Mobile on phones and not on tablets; a PC is a kind of OpenHarmony, and on Huawei's phones a word.
function handheldOf(header: string): ClientType {
  if (/\(PC;/.test(header)) return "desktop";
  if (/iPad|Tablet/.test(header)) return "tablet";
  if (/iPhone|iPod|Mobi|\(phone;|FB4A|FBIOS|Opera Mini/i.test(header)) return "mobile";
  return /Android|HarmonyOS/.test(header) ? "tablet" : "unknown";
}
