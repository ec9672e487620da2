import { collectDefaultMetrics, Registry } from "prom-client";

/**
 * A registry of its own, so that two instances in one process do not add up, with what Prometheus wants to know of a
 * process: event-loop delay, memory, garbage collection.
 */
export function processMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
