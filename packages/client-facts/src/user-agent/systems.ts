import type { Named } from "./programs.js";

/** Systems by their token; one that names another for the sake of old pages comes before it. */
export const systems: readonly Named[] = [
  ["Windows Phone", "Windows Phone"],
  ["Xbox", "Xbox"],
  ["PlayStation", "PlayStation"],
  ["PLAYSTATION", "PlayStation"],
  ["Nintendo", "Nintendo"],
  ["PicoBrowser", "PICO OS"],
  ["OculusBrowser", "Horizon OS"],
  ["OpenHarmony", "OpenHarmony"],
  ["HarmonyOS", "HarmonyOS"],
  ["KAIOS", "KaiOS"],
  ["KaiOS", "KaiOS"],
  ["Tizen", "Tizen"],
  ["Web0S", "webOS"],
  ["webOS", "webOS"],
  ["Roku", "Roku OS"],
  ["VIDAA", "VIDAA"],
  ["Fuchsia", "Fuchsia"],
  ["CrKey", "Android"],
  ["CrOS", "ChromeOS"],
  ["AppleTV", "tvOS"],
  ["Apple TV", "tvOS"],
  ["Apple Watch", "watchOS"],
  ["watchOS", "watchOS"],
  ["Android", "Android"],
  ["FB4A", "Android"],
  ["iPhone", "iOS"],
  ["iPad", "iOS"],
  ["iPod", "iOS"],
  ["FBIOS", "iOS"],
  ["Macintosh", "macOS"],
  ["Mac OS X", "macOS"],
  ["Windows", "Windows"],
  ["SymbianOS", "Symbian"],
  ["Series60", "Symbian"],
  ["BB10", "BlackBerry"],
  ["BlackBerry", "BlackBerry"],
  ["Sailfish", "Sailfish OS"],
  ["Ubuntu", "Ubuntu"],
  ["Fedora", "Fedora"],
  ["Debian", "Debian"],
  ["FreeBSD", "FreeBSD"],
  ["OpenBSD", "OpenBSD"],
  ["NetBSD", "NetBSD"],
  ["Linux", "Linux"],
];

export const desktops: ReadonlySet<string> = new Set([
  "Windows",
  "macOS",
  "ChromeOS",
  "Ubuntu",
  "Fedora",
  "Debian",
  "FreeBSD",
  "OpenBSD",
  "NetBSD",
  "Linux",
]);
export const phones: ReadonlySet<string> = new Set([
  "Windows Phone",
  "KaiOS",
  "Symbian",
  "BlackBerry",
  "Sailfish OS",
]);
export const consoles: ReadonlySet<string> = new Set(["Xbox", "PlayStation", "Nintendo"]);
export const televisions: ReadonlySet<string> = new Set(["webOS", "Roku OS", "VIDAA", "tvOS"]);
/** Their own browsers have no name that they tell. */
export const withoutNamedBrowser: ReadonlySet<string> = new Set(["PlayStation", "Tizen", "Roku OS", "VIDAA"]);

const versions: Readonly<Record<string, RegExp>> = {
  Android: /Android (\d+(?:\.\d+)*)/,
  iOS: /OS (\d+(?:[._]\d+)*) like Mac OS X/,
  macOS: /Mac OS X (\d+(?:[._]\d+)*)/,
  Windows: /Windows NT (\d+\.\d+)/,
  ChromeOS: /CrOS \S+ (\d+(?:\.\d+)*)/,
  HarmonyOS: /HarmonyOS (\d+(?:\.\d+)*)/,
  OpenHarmony: /OpenHarmony (\d+(?:\.\d+)*)/,
  KaiOS: /KAIOS\/(\d+(?:\.\d+)*)/i,
  Tizen: /Tizen (\d+(?:\.\d+)*)/,
  PlayStation: /PlayStation \d\/(\d+(?:\.\d+)*)/,
};
const windowsNames: Readonly<Record<string, string>> = { "6.1": "7", "6.2": "8", "6.3": "8.1" };

/**
 * Version of the system, where the header tells it: browsers say Windows NT 10.0, macOS 10.15.7 and `Android 10; K` of
 * every later one, so from these nothing follows.
 */
export function systemVersion(system: string, header: string): string | undefined {
  const found = versions[system]?.exec(header)?.[1]?.replaceAll("_", ".");
  if (system === "Windows") return found && windowsNames[found];
  const isFrozen =
    (system === "macOS" && found?.startsWith("10.15")) ||
    (system === "Android" && header.includes("Android 10; K)"));
  return isFrozen ? undefined : found?.slice(0, 32);
}
