// Compares the figures of a check with those of a week ago.
import type { HealthFacts } from "./facts.js";
import { figuresOf } from "./figures.js";
import { type FigureName, type FigureUnit, measures } from "./measures.js";

/** A figure of this check, and the same one of the same hour a week ago. */
export interface FigureComparison {
  readonly figure: FigureName;
  /** The collection that it is of; absent for the whole server. */
  readonly collection?: string;
  /** Name of the figure, for people. */
  readonly label: string;
  readonly unit: FigureUnit;
  readonly now: number;
  readonly weekAgo: number;
}

/** The figures that this check and that of a week ago both have; none where that one is not known. Pure. */
export function compareFigures(facts: HealthFacts): FigureComparison[] {
  if (!facts.weekAgo.known) return [];
  const { figures: before } = facts.weekAgo.value;
  return figuresOf(facts).flatMap(({ name, collection, value: now }) => {
    const weekAgo = before.find((one) => one.name === name && one.collection === collection)?.value;
    if (weekAgo === undefined) return [];
    const { label, unit } = measures[name];
    const named = collection === undefined ? { label } : { collection, label: `${label} of ${collection}` };
    return [{ figure: name, ...named, unit, now, weekAgo }];
  });
}
