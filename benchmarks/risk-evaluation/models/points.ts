import type { Visit } from "../world.js";
import type { Model } from "./model.js";

/** Points for what is new, as simple libraries give them: device 25, address 10, country 30. */
export function pointsModel(): Model {
  const known = new Map<number, Set<string>>();
  const traits = ({ reference: { ip, country, browser, os } }: Visit) =>
    [
      [`device ${browser.replace(/ [\d.]+$/, "")} ${os.replace(/ [\d.]+$/, "")}`, 25],
      [`ip ${ip}`, 10],
      [`country ${country}`, 30],
    ] as const;
  return {
    name: "points",
    score: (visit) => {
      const own = known.get(visit.user);
      return traits(visit).reduce((sum, [trait, points]) => sum + (own?.has(trait) ? 0 : points), 0);
    },
    learn: (visit) => {
      const own = known.get(visit.user) ?? new Set();
      known.set(visit.user, own);
      for (const [trait] of traits(visit)) own.add(trait);
    },
  };
}
