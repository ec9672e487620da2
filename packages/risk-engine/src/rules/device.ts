import { type Rule, silent } from "../facts.js";
import { weightOf } from "../profile.js";
import { cleanText, fingerprint } from "../text.js";

/** The longest name of a device that is told from another, characters. */
const maxDeviceId = 256;

/** A profile's key of a cookie: a reader of the profile cannot present the cookie. */
export function deviceKey(deviceId: unknown): string | undefined {
  const text = cleanText(deviceId, maxDeviceId);
  return text && fingerprint(text);
}

/**
 * A known or unknown device, by a cookie of the service. A missing cookie counts as an unknown one: else an attacker
 * would leave it out. The rule says nothing about users for whom no cookie was ever learnt.
 *
 * Source: the known-device checks of Auth0 and PingAM; section 4 of the guide.
 * Bounds: from −`device.known` to `device.unknown`.
 */
export const deviceRule: Rule = ({ policy, profile, attempt, fading }) => {
  let all = 0;
  for (let index = 0; index < profile.devices.length; index++) all += profile.devices[index]?.[1] ?? 0;
  const of = all * fading;
  if (of === 0) return silent;
  const key = deviceKey(attempt.deviceId);
  const seen = key === undefined ? 0 : weightOf(profile.devices, key) * fading;
  const { known, unknown } = policy.device;
  const logOdds = seen > 0 ? -Math.min(known, Math.log1p(seen)) : Math.min(unknown, Math.log1p(of));
  return [{ code: seen > 0 ? "known_device" : "unknown_device", logOdds, detail: { seen, of } }];
};
