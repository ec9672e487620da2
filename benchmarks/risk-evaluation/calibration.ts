import type { Pooled } from "./metrics.js";

/** Sign-ins whose score lies in one range: what was predicted, and what they were. */
export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  /** Mean score, and share of attacks, percent. */
  readonly predicted: number;
  readonly observed: number;
  readonly visits: number;
}

const edges = [0, 0.1, 0.3, 1, 3, 10, 30, 60, 90, 100.1];

/** The calibration curve, with the attacks weighted so that one visit in a hundred is one. */
export function calibrationOf({ users, attacks }: Pooled): CalibrationBin[] {
  const good = users.flatMap(({ scores }) => scores);
  const bad = [...attacks.values()].flat();
  const weight = good.length / 99 / Math.max(1, bad.length);
  const visits = [
    ...good.map((score) => ({ score, weight: 1, attack: 0 })),
    ...bad.map((score) => ({ score, weight, attack: 1 })),
  ];
  return edges.slice(0, -1).flatMap((from, index) => {
    const to = edges[index + 1] ?? 100;
    const inside = visits.filter(({ score }) => score >= from && score < to);
    if (inside.length === 0) return [];
    const total = inside.reduce((sum, visit) => sum + visit.weight, 0);
    return [
      {
        from,
        to: Math.min(100, to),
        predicted: inside.reduce((sum, visit) => sum + visit.weight * visit.score, 0) / total,
        observed: (100 * inside.reduce((sum, visit) => sum + visit.weight * visit.attack, 0)) / total,
        visits: inside.length,
      },
    ];
  });
}
