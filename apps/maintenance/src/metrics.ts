import type { RunStatus } from "@org/db-optimizer/jobs";
import { processMetrics } from "@org/service-kit";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Metrics for Prometheus. */
export interface Metrics {
  readonly registry: Registry;
  runEnded(job: string, end: Pick<RunStatus, "state">, seconds: number): void;
  runRefused(job: string, reason: "locked" | "done" | "nothing_queued" | "missed" | "error"): void;
  removed(rule: string, documents: number): void;
  healthScored(score: number): void;
  driftFound(steps: number): void;
}

/** The metrics of the process and those of the service. */
export function createMetrics(): Metrics {
  const registry = processMetrics();
  const registers = [registry];
  const runs = new Counter({
    name: "maintenance_runs_total",
    help: "Runs that ended, by job and state",
    labelNames: ["job", "state"],
    registers,
  });
  const refused = new Counter({
    name: "maintenance_runs_refused_total",
    help: "Runs that did not start here, by job and reason",
    labelNames: ["job", "reason"],
    registers,
  });
  const duration = new Histogram({
    name: "maintenance_run_seconds",
    help: "Duration of runs, by job",
    labelNames: ["job"],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1_800],
    registers,
  });
  const lastSuccess = new Gauge({
    name: "maintenance_last_success_timestamp_seconds",
    help: "When a job last succeeded on this instance",
    labelNames: ["job"],
    registers,
  });
  const removed = new Counter({
    name: "maintenance_removed_documents_total",
    help: "Documents that cleanups removed, by rule",
    labelNames: ["rule"],
    registers,
  });
  const health = new Gauge({
    name: "maintenance_health_score",
    help: "Last health score, 0 to 100",
    registers,
  });
  const drift = new Gauge({
    name: "maintenance_drift_steps",
    help: "Steps that would bring the indexes in line, at the last look",
    registers,
  });
  return {
    registry,
    runEnded(job, { state }, seconds) {
      runs.inc({ job, state });
      duration.observe({ job }, seconds);
      if (state === "succeeded") lastSuccess.setToCurrentTime({ job });
    },
    runRefused: (job, reason) => refused.inc({ job, reason }),
    removed: (rule, documents) => removed.inc({ rule }, documents),
    healthScored: (score) => health.set(score),
    driftFound: (steps) => drift.set(steps),
  };
}
