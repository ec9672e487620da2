import type { IdentityDatabase } from "@org/db-models";
import { DatabaseOptimizer } from "@org/db-optimizer";
import type { Config } from "../config.js";
import type { Job } from "../job.js";
import type { Metrics } from "../metrics.js";

/** Steps that a run keeps; their number it has in full. */
const maxSteps = 50;

/** Compares the indexes with the models' declarations. Drift is a finding, not a failed run; the job changes nothing. */
export function driftJob(database: IdentityDatabase, config: Config, metrics: Metrics): Job {
  const models = Object.values(database.models);
  return {
    name: "drift",
    job: "drift",
    schedule: config.driftSchedule,
    isResumable: false,
    run: async ({ log, signal }) => {
      const { drift, plan } = await new DatabaseOptimizer(database.connection, { models }).plan();
      metrics.driftFound(plan.steps.length);
      const steps = plan.steps.map(({ kind, collection, index }) => ({ kind, collection, index }));
      if (steps.length > 0) log.warn({ steps: steps.slice(0, maxSteps) }, "the indexes have drifted");
      const result = {
        inSync: drift.inSync,
        steps: steps.length,
        first: steps.slice(0, maxSteps),
        hash: plan.hash,
      };
      return { result, interrupted: signal.aborted };
    },
  };
}
