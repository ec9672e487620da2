// The figures that are compared with a week ago, and how each is judged and shown.
import type { FindingPart, Severity } from "../../core/finding.js";
/** The unit of a figure. */
export type FigureUnit = "ms" | "count" | "perSecond" | "ratio" | "bytes";

interface Measure {
  readonly label: string;
  readonly unit: FigureUnit;
  readonly part: FindingPart;
  /** How bad it is when the figure grows: more work is information, and what suffers from it a warning. */
  readonly severity: Severity;
  /** Below this a figure is small, whatever it was. */
  readonly least: number;
  /** The command that shows details. */
  readonly command?: string;
}

const status = "db.serverStatus()";

/** The figures for which it says something that they were different at the same hour a week ago. */
export const measures = {
  pingMs: { label: "round trip", unit: "ms", part: "connection", severity: "warning", least: 5 },
  connections: {
    label: "connections",
    unit: "count",
    part: "operations",
    severity: "info",
    least: 20,
    command: status,
  },
  operationsPerSecond: {
    label: "operations",
    unit: "perSecond",
    part: "operations",
    severity: "info",
    least: 20,
    command: status,
  },
  slowOperations: {
    label: "slow operations in the last hour",
    unit: "count",
    part: "operations",
    severity: "warning",
    least: 10,
    command: "org-db optimize",
  },
  queuedOperations: {
    label: "queued operations",
    unit: "count",
    part: "operations",
    severity: "warning",
    least: 10,
    command: status,
  },
  processorUsedRatio: {
    label: "processors in use",
    unit: "ratio",
    part: "operations",
    severity: "warning",
    least: 0.3,
    command: "org-db optimize",
  },
  cacheUsedRatio: {
    label: "cache in use",
    unit: "ratio",
    part: "operations",
    severity: "info",
    least: 0.3,
    command: status,
  },
  cacheDirtyRatio: {
    label: "cache that waits to be written",
    unit: "ratio",
    part: "operations",
    severity: "warning",
    least: 0.05,
    command: status,
  },
  dataBytes: {
    label: "data",
    unit: "bytes",
    part: "storage",
    severity: "info",
    least: 10_000_000,
    command: "org-db storage",
  },
  indexBytes: {
    label: "indexes",
    unit: "bytes",
    part: "storage",
    severity: "info",
    least: 10_000_000,
    command: "org-db storage",
  },
} as const satisfies Readonly<Record<string, Measure>>;

const mebibyte = 1_048_576;

/** A figure with its unit, for people. */
export function figureText(value: number, unit: FigureUnit): string {
  switch (unit) {
    case "ms":
      return `${value.toFixed(1)} ms`;
    case "ratio":
      return `${(value * 100).toFixed(0)} %`;
    case "bytes":
      return `${(value / mebibyte).toFixed(1)} MiB`;
    case "perSecond":
      return `${value.toFixed(1)} per second`;
    case "count":
      return value.toLocaleString("en-US");
  }
}

/** Stable name of a figure. */
export type FigureName = keyof typeof measures;

/** One figure of a check. */
export interface HealthFigure {
  readonly name: FigureName;
  /** Of a collection; absent for the whole server. */
  readonly collection?: string;
  readonly value: number;
}
