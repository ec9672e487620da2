import type { Visit } from "../world.js";
import type { Model } from "./model.js";

// The steps of Keycloak's adaptive authentication, as log-odds.
const step = {
  trust: -0.3,
  none: 0,
  least: 0.1,
  small: 0.4,
  medium: 0.8,
  high: 1.5,
  veryHigh: 2,
  extreme: 2.5,
};
const alpha = 0.15;

interface History {
  readonly seen: Map<string, number>;
  logins: number;
  cos: number;
  sin: number;
}

/** Log-odds in fixed steps, as Keycloak's adaptive authentication adds them up. */
export function keycloakModel(): Model {
  const known = new Map<number, History>();
  return {
    name: "fixed log-odds",
    score: (visit) => {
      const own = known.get(visit.user);
      if (!own) return 0;
      return (
        location(visit, own) +
        address(visit, own) +
        agent(visit, own) +
        failures(visit) +
        hour(visit, own) +
        flags(visit)
      );
    },
    learn: (visit) => {
      const own = known.get(visit.user) ?? { seen: new Map(), logins: 0, cos: 0, sin: 0 };
      known.set(visit.user, own);
      for (const trait of traitsOf(visit)) own.seen.set(trait, (own.seen.get(trait) ?? 0) + 1);
      const angle = angleOf(visit);
      own.cos = (1 - alpha) * own.cos + alpha * Math.cos(angle);
      own.sin = (1 - alpha) * own.sin + alpha * Math.sin(angle);
      own.logins += 1;
    },
  };
}

function traitsOf({ reference: { ip, country, browser, os }, city }: Visit): string[] {
  const named = (text: string) => text.replace(/ [\d.]+$/, "");
  return [
    `ip ${ip}`,
    `country ${country}`,
    `city ${country} ${city}`,
    `browser ${named(browser)}`,
    `os ${named(os)}`,
  ];
}

function location({ reference: { country }, city }: Visit, { seen }: History): number {
  if (!seen.has(`country ${country}`)) return step.medium;
  return seen.has(`city ${country} ${city}`) ? step.trust : step.least;
}

function address({ reference: { ip } }: Visit, { seen }: History): number {
  const times = seen.get(`ip ${ip}`) ?? 0;
  if (times === 0) return step.high;
  return times > 1 ? step.trust : step.none;
}

function agent(visit: Visit, { seen }: History): number {
  const [, , , browser = "", os = ""] = traitsOf(visit);
  return (seen.has(browser) ? step.trust : step.medium) + (seen.has(os) ? step.trust : step.medium);
}

function failures({ context }: Visit): number {
  const count = context.failures?.account ?? 0;
  if (count <= 2) return step.none;
  if (count <= 5) return step.small;
  if (count <= 9) return step.medium;
  return count <= 14 ? step.high : step.veryHigh;
}

function hour(visit: Visit, { logins, cos, sin }: History): number {
  if (logins < 5 || Math.hypot(cos, sin) < 0.3) return step.none;
  const apart = Math.abs(
    Math.atan2(
      Math.sin(angleOf(visit) - Math.atan2(sin, cos)),
      Math.cos(angleOf(visit) - Math.atan2(sin, cos)),
    ),
  );
  const hours = (apart / (2 * Math.PI)) * 24;
  const steps = [step.least, step.small, step.medium, step.high, step.veryHigh];
  return steps[Math.min(4, Math.floor(hours / 2))] ?? step.none;
}

function flags({ attempt }: Visit): number {
  const kinds = (attempt.flags ?? []).map(({ kind }) => kind);
  if (kinds.includes("tor")) return step.extreme;
  if (kinds.includes("listed")) return step.veryHigh;
  return kinds.includes("vpn") || kinds.includes("hosting") ? step.medium : step.none;
}

function angleOf({ attempt }: Visit): number {
  return ((attempt.at % 86_400_000) / 86_400_000) * 2 * Math.PI;
}
