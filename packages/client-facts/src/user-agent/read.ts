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
  const bot = findWord(bots, spoken) ?? (header.startsWith("WhatsApp/") ? whatsApp : undefined);
  if (bot) return program("bot", bot, header);
  if (genericBot.test(spoken)) return { os: {}, browser: {}, type: "bot", automated: true };
  // A library's name is the first word of its header; only some come behind an app's own.
  const first = header.startsWith("Mozilla/")
    ? undefined
    : findWord(tools, header.split(/[\s;(]/, 1)[0] ?? "");
  const anywhere = findWord(laterTools, spoken) ?? findWord(appStacks, spoken);
  const found = anywhere ?? first;
  return found && program("client", found, header);
}

const whatsApp: Named = ["WhatsApp", "WhatsApp"];
const laterTools: readonly Named[] = tools.filter(([token]) =>
  /^(aiohttp|WindowsPowerShell|WinHttp|undici)$/.test(token),
);
const genericBot = /(?:^|[\s;(,+])[\w.-]*(?:bot|crawler|spider|scraper)(?=$|[\s/;,):~])/i;

function program(type: "bot" | "client", [token, name]: Named, header: string): ClientFacts {
  const automated = type === "bot" || !appStacks.some(([, other]) => other === name);
  return { os: {}, browser: named(name, versionAfter(header, token)), type, automated };
}

/**
 * The parts of a header in which a program says what it is: products, what stands behind "like Gecko", and the comments of
 * those that give an address to complain to, and of a scanner and a monitor that have their name in a comment alone. The
 * others name models, of which some are called Bot.
 */
function selfDescription(header: string): string {
  return header.replace(/\(([^()]*)\)?/g, (comment, inside: string) =>
    /compatible;|https?:|@|^Nikto\/|GomezAgent/i.test(inside)
      ? ` ${inside} `
      : comment.startsWith("(KHTML")
        ? inside.replace(/^KHTML,? like Gecko/i, " ")
        : " ; ",
  );
}

function findWord(known: readonly Named[], text: string): Named | undefined {
  return known.find(([token]) => words.get(token)?.test(text));
}

/** Each word of the lists of programs, whole and without regard to case. */
const words: ReadonlyMap<string, RegExp> = new Map(
  [...bots, ...tools, ...appStacks].map(([token]) => [
    token,
    new RegExp(`(?<![\\w-])${token.replaceAll(".", "\\.")}(?![\\w-])`, "i"),
  ]),
);

function readBrowser(header: string): ClientFacts {
  const os = systems.find(([token]) => header.includes(token))?.[1];
  const type = typeOf(header, os);
  const isSilent = os !== undefined && withoutNamedBrowser.has(os);
  return {
    os: os === undefined ? {} : named(os, systemVersion(os, header)),
    browser: isSilent ? {} : browserOf(header, os),
    type,
    automated: false,
  };
}

function browserOf(header: string, os: string | undefined): NamedVersion {
  const known = browsers.find(([token]) => header.includes(token));
  if (known) {
    const [token, name] = known;
    const tokens = versionTokens[name] ?? [token.replace(/[/ ]$/, "")];
    return named(name, firstVersion(header, tokens));
  }
  if (header.includes("Chrome/")) {
    return named(header.includes("; wv)") ? "Android WebView" : "Chrome", versionAfter(header, "Chrome"));
  }
  const isSafari = header.includes("Version/") && header.includes("Safari/");
  if (!isSafari) return {};
  if (os === "iOS" || os === "macOS") return named("Safari", versionAfter(header, "Version"));
  return os === "Android" ? named("Android Browser", versionAfter(header, "Version")) : {};
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
  /SMART-TV|Smart-?TV|SmartHub|\bTV\b|\bAFT[A-Z]|BRAVIA|CrKey|Chromecast|HbbTV|NetCast|GoogleTV|MiTV|MiBOX|AppleTV/;
const car = /Tesla\/|QtCarBrowser|Automotive|Polestar/;
const headset = /OculusBrowser|\bQuest \d|\bVR\b|Vision Pro/;
const watch = /\bWatch\b|watchOS|Wear ?OS/i;

function typeOf(header: string, os: string | undefined): ClientType {
  if (os === undefined) return /\bMIDP|Opera Mini\//.test(header) ? "mobile" : "unknown";
  if (consoles.has(os)) return "console";
  if (car.test(header)) return "unknown";
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
