import type { SessionCacheMetrics } from "@org/db-models";
import type { AuditTrail } from "@org/fastify-identity";
import { processMetrics } from "@org/service-kit";
import type { FastifyInstance } from "fastify";
import type { Connection } from "mongoose";
import { Counter, Histogram, type Registry } from "prom-client";
import { observeSessionCache } from "./session-cache-metrics.js";

/** Metrics for Prometheus, of one instance. Labels have few values: no user, no address, no path with an id in it. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts and times the requests of an app, by its routes. */
  countRequests(app: FastifyInstance): void;
  /** Counts what the audit trail is given: sign-ins, challenges, changes, each by outcome. */
  counting(trail: AuditTrail): AuditTrail;
  /** Times the commands of a connection that emits events of them. */
  timeCommands(connection: Connection): void;
  /** Tells what a session cache does, where there is one. */
  observeSessionCache(read: () => SessionCacheMetrics | undefined): void;
}

/** The metrics of the process and those of the service. */
export function createMetrics(): Metrics {
  const registry = processMetrics();
  const registers = [registry];
  const requests = new Histogram({
    name: "http_server_request_duration_seconds",
    help: "Duration of requests, by method, route and status",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const events = new Counter({
    name: "identity_events_total",
    help: "What people did or were refused, by the audit trail's action and outcome; session.opened are the sign-ins",
    labelNames: ["action", "outcome"],
    registers,
  });
  const risk = new Counter({
    name: "identity_risk_actions_total",
    help: "Sign-ins that were judged, by what the risk policy asked for and the level of risk",
    labelNames: ["action", "level"],
    registers,
  });
  const commands = new Histogram({
    name: "mongodb_command_duration_seconds",
    help: "Duration of database commands as this instance saw them, by command and outcome",
    labelNames: ["command", "outcome"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    registers,
  });
  return {
    registry,
    countRequests: (app) => {
      app.addHook(
        "onResponse",
        async ({ method, routeOptions: { url = "none" } }, { statusCode, elapsedTime }) => {
          const known = url === "none" ? "any" : method;
          requests.observe({ method: known, route: url, status: statusCode }, elapsedTime / 1_000);
        },
      );
    },
    counting: (trail) => async (event) => {
      const recorded = await trail(event);
      const { action, outcome, details } = event;
      events.inc({ action, outcome });
      if (typeof details?.riskAction === "string")
        risk.inc({ action: details.riskAction, level: String(details.riskLevel) });
      return recorded;
    },
    observeSessionCache: (read) => observeSessionCache(registry, read),
    timeCommands: (connection) => {
      const client = connection.getClient();
      const observe = (outcome: "ok" | "failed") => (event: { commandName: string; duration: number }) =>
        commands.observe({ command: event.commandName, outcome }, event.duration / 1_000);
      client.on("commandSucceeded", observe("ok")).on("commandFailed", observe("failed"));
    },
  };
}
