import { readUserAgent } from "@org/client-facts";
import { limits } from "../core/limits.js";
import { lookupHash } from "../core/secrets.js";
import type { Device } from "../schemas/user-session.js";

/** Label of an unknown device. */
const unknownLabel = "an unknown browser";

/**
 * Reads a device from a `User-Agent` header. Names are of a closed list, and the label is composed of them, such as
 * `Firefox on Windows` or `an unknown browser on Android`: nothing that a client makes up gets into a mail or a page.
 *
 * @param userAgent - as received; only its first 512 characters are looked at, so a hostile length costs nothing.
 * @returns names, and versions where the header tells them; `type` is `unknown` for an empty or unreadable header.
 */
export function detectDevice(userAgent: string | undefined): Device {
  const header = capUserAgent(userAgent);
  if (!header) return { os: {}, browser: {}, type: "unknown", label: unknownLabel };
  const { os, browser, type } = readUserAgent(header);
  return { os, browser, type, label: labelOf(os.name, browser.name, type) };
}

const devices = new Map<string, Device>();
const rememberedDevices = 1_000;

/** {@link detectDevice}, remembered: millions of sessions have a few hundred headers. */
export function deviceOf(userAgent = ""): Device {
  const known = devices.get(userAgent);
  if (known) return known;
  if (devices.size >= rememberedDevices) devices.clear();
  const device = detectDevice(userAgent);
  devices.set(userAgent, device);
  return device;
}

/** The header as it is stored: control characters and lone surrogates out, at most 512 characters. */
export function capUserAgent(userAgent: string | undefined): string | undefined {
  const printable = userAgent?.slice(0, limits.userAgent).replace(/[\p{Cc}\p{Surrogate}]/gu, "");
  return printable?.trim() || undefined;
}

/**
 * Key of a device. Without a device cookie it is a hash of system, browser and type, without versions, so that an update
 * is no new device.
 */
export function deviceHashOf(device: Device, deviceCookie?: string): Buffer {
  if (deviceCookie) return lookupHash(`cookie:${deviceCookie}`);
  return lookupHash(JSON.stringify([device.os.name, device.browser.name, device.type]));
}

function labelOf(os: string | undefined, browser: string | undefined, type: Device["type"]): string {
  const program = browser ?? (type === "bot" || type === "client" ? "an unknown program" : unknownLabel);
  return os ? `${program} on ${os}` : program;
}
