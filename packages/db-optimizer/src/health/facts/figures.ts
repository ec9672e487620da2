// The figures of a check that are kept for comparison.
import type { HealthFacts } from "./facts.js";
import type { FigureName, HealthFigure } from "./measures.js";

/** Collections whose sizes are kept: the largest. */
const mostCollections = 50;

/** The figures of a check; what the server did not tell is left out. Pure. */
export function figuresOf(facts: HealthFacts): HealthFigure[] {
  const { connection, server, processor, slowInHour } = facts;
  const load = server.known ? server.value : undefined;
  const told: readonly (readonly [FigureName, number | undefined])[] = [
    ["pingMs", connection.known ? connection.value.pingP50Ms : undefined],
    ["connections", load?.connections],
    ["operationsPerSecond", load?.operationsPerSecond],
    ["slowOperations", slowInHour],
    ["queuedOperations", load?.queued],
    ["processorUsedRatio", processor.known ? processor.value.usedRatio : undefined],
    ["cacheUsedRatio", load?.cacheUsedRatio],
    ["cacheDirtyRatio", load?.cacheDirtyRatio],
  ];
  return [
    ...told.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])),
    ...largest(facts).flatMap(({ collection, dataBytes, indexBytes }): HealthFigure[] => [
      { name: "dataBytes", collection, value: dataBytes },
      { name: "indexBytes", collection, value: indexBytes },
    ]),
  ];
}

function largest({ collections }: HealthFacts) {
  const existing = collections.known ? collections.value.filter(({ exists }) => exists) : [];
  return existing
    .sort((a, b) => b.dataBytes + b.indexBytes - a.dataBytes - a.indexBytes)
    .slice(0, mostCollections);
}
