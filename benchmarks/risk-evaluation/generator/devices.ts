import type { Random } from "../random.js";
import { parameters } from "./parameters.js";

/** `full`: with builds and models, as in 2020 when the published data was collected. `reduced`: as browsers send now. */
export type Headers = "full" | "reduced";

/** User agent of a browser on a machine at a time. */
export interface AgentText {
  readonly userAgent: string;
  readonly browser: string;
  readonly os: string;
  readonly deviceType: string;
}

export interface Device {
  readonly kind: "phone" | "desktop";
  readonly headers: Headers;
  readonly system: string;
  readonly browser: string;
  /** Name of the model in the header, where it has one. */
  readonly model: string;
  /** Version of the system that this device stays on, where the header tells it. */
  readonly systemVersion: number;
  /** A token that few headers have: of an in-app browser, a vendor's build, an extension. */
  readonly token: string;
  /** Days that this device is behind the newest release. */
  readonly lagDays: number;
}

const models = [
  ["SM-G991B", 9],
  ["SM-A536B", 8],
  ["SM-G973F", 8],
  ["SM-S918B", 7],
  ["SM-A515F", 7],
  ["SM-G960F", 6],
  ["SM-A127F", 5],
  ["Pixel 7", 4],
  ["Pixel 4a", 3],
  ["SM-A405FN", 3],
  ["SM-G975F", 3],
  ["LE2113", 3],
  ["HD1903", 3],
  ["ELE-L29", 3],
  ["VOG-L29", 3],
  ["M2101K6G", 3],
  ["RMX3085", 2],
  ["CPH2219", 2],
  ["SM-N975F", 2],
  ["SM-T510", 2],
  ["XQ-AS52", 2],
  ["moto g(60)", 2],
  ["ANE-LX1", 2],
  ["MAR-LX1A", 2],
  ["Mi 9T", 2],
  ["Nokia 7.2", 1],
  ["G8441", 1],
  ["H8324", 1],
].map(([name, share]) => ({ name: String(name), share: Number(share) }));
const desktops = [
  { share: 0.36, system: "Windows", browser: "Chrome" },
  { share: 0.2, system: "Windows", browser: "Edge" },
  { share: 0.09, system: "Windows", browser: "Firefox" },
  { share: 0.14, system: "macOS", browser: "Safari" },
  { share: 0.13, system: "macOS", browser: "Chrome" },
  { share: 0.05, system: "Linux", browser: "Firefox" },
  { share: 0.03, system: "Linux", browser: "Chrome" },
];
const phones = [
  { share: 0.38, system: "iOS", browser: "Safari" },
  { share: 0.07, system: "iOS", browser: "Chrome" },
  { share: 0.43, system: "Android", browser: "Chrome" },
  { share: 0.12, system: "Android", browser: "Samsung Internet" },
];

export function newDevice(kind: Device["kind"], headers: Headers, random: Random): Device {
  const { device } = parameters;
  const { system, browser } = random.weighted(kind === "phone" ? phones : desktops);
  const named = system === "Android" && (headers === "full" || random.chance(device.modelInHeader));
  const late = random.chance(device.lateUpdaters);
  return {
    kind,
    headers,
    system,
    browser,
    model: named ? random.weighted(models).name : "K",
    systemVersion: headers === "full" ? random.below(4) : 0,
    token:
      headers === "full" && random.chance(device.ownToken)
        ? ` App${String.fromCharCode(65 + random.below(26))}${random.below(4)}`
        : "",
    lagDays: random.exponential(late ? device.lateLagDays : device.updateLagDays),
  };
}

/** The header of a device on a day of the generated year. */
export function agentOf(device: Device, day: number): AgentText {
  const version = versionOf(device, day);
  const deviceType = device.kind === "phone" ? "mobile" : "desktop";
  const text = browserText(device, day, version);
  return { ...text, userAgent: text.userAgent + device.token, deviceType };
}

function browserText(device: Device, day: number, version: Version) {
  if (device.system === "iOS") return iosAgent(device, day, version);
  if (device.system === "Android") return androidAgent(device, version);
  return desktopAgent(device, day, version);
}

interface Version {
  readonly major: number;
  /** As the header spells it, and as a parser names it. */
  readonly text: string;
  readonly named: string;
}

// A release every four weeks; a full header also tells the weekly build.
function versionOf({ headers, lagDays }: Device, day: number): Version {
  const { releaseDays } = parameters.device;
  const major = 132 + Math.floor((day - lagDays) / releaseDays);
  if (headers === "reduced") return { major, text: `${major}.0.0.0`, named: `${major}` };
  const week = Math.floor(((((day - lagDays) % releaseDays) + releaseDays) % releaseDays) / 7);
  const build = `${major}.0.${major * 52}`;
  return { major, text: `${build}.${40 + week * 23}`, named: build };
}

function androidAgent({ model, headers, browser, systemVersion }: Device, { text, named, major }: Version) {
  const release = headers === "full" ? 8 + systemVersion : 10;
  const samsung = browser === "Samsung Internet" ? ` SamsungBrowser/${major - 105}.0` : "";
  return {
    userAgent: `Mozilla/5.0 (Linux; Android ${release}; ${model}) AppleWebKit/537.36 (KHTML, like Gecko)${samsung} Chrome/${text} Mobile Safari/537.36`,
    browser: samsung ? `Samsung Internet ${major - 105}.0` : `Chrome Mobile ${named}`,
    os: `Android ${release}`,
  };
}

function iosAgent(device: Device, day: number, { text, named }: Version) {
  // Every fourth phone is too old for the newest system.
  const old = device.systemVersion === 3;
  const full = device.headers === "full";
  // Full headers also tell the small releases in between.
  const minor = Math.max(0, Math.floor((day + 60 - device.lagDays * 4) / (full ? 17 : 35)));
  const system = old ? "12_5" : `18_${minor}`;
  const safari = device.browser === "Safari";
  const version = system.replace("_", ".");
  return {
    userAgent: `Mozilla/5.0 (iPhone; CPU iPhone OS ${system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ${safari ? `Version/${version}` : `CriOS/${text}`} Mobile/15E148 Safari/604.1`,
    browser: safari ? `Mobile Safari ${version}` : `Chrome Mobile iOS ${named}`,
    os: `iOS ${version}`,
  };
}

function desktopAgent(device: Device, day: number, { text, named, major }: Version) {
  const { platform, os } = platformOf(device);
  if (device.browser === "Safari") {
    const version = `18.${Math.max(0, Math.floor((day - device.lagDays) / 45))}`;
    const userAgent = `Mozilla/5.0 (${platform}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${version} Safari/605.1.15`;
    return { userAgent, browser: `Safari ${version}`, os };
  }
  if (device.browser === "Firefox") {
    const userAgent = `Mozilla/5.0 (${platform}; rv:${major}.0) Gecko/20100101 Firefox/${major}.0`;
    return { userAgent, browser: `Firefox ${major}.0`, os };
  }
  const edge = device.browser === "Edge" ? ` Edg/${text}` : "";
  const userAgent = `Mozilla/5.0 (${platform}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${text} Safari/537.36${edge}`;
  return { userAgent, browser: `${device.browser} ${named}`, os };
}

function platformOf({ system, headers, systemVersion }: Device): { platform: string; os: string } {
  if (system === "Linux") return { platform: "X11; Linux x86_64", os: "Linux" };
  if (system === "macOS") {
    const version = headers === "full" ? `10_${12 + systemVersion}_6` : "10_15_7";
    return {
      platform: `Macintosh; Intel Mac OS X ${version}`,
      os: `Mac OS X ${version.replaceAll("_", ".")}`,
    };
  }
  // Of the four versions that a full header could tell, three are the newest.
  const old = headers === "full" && systemVersion === 3;
  return { platform: `Windows NT ${old ? "6.1" : "10.0"}; Win64; x64`, os: old ? "Windows 7" : "Windows 10" };
}
