/** The parts that health is judged by. */
export type HealthPart =
  | "connection"
  | "topology"
  | "security"
  | "indexes"
  | "queries"
  | "operations"
  | "schema"
  | "storage";

export type Severity = "info" | "warning" | "critical";

/** One thing that is not as it should be. */
export interface HealthFinding {
  /** Stable name of the kind of finding. */
  readonly code: string;
  readonly part: HealthPart;
  readonly severity: Severity;
  readonly message: string;
  /** What was seen. */
  readonly evidence: string;
  /** What mends it, or looks closer; for the shell where it begins with `org-db`, otherwise for mongosh. */
  readonly command?: string;
}
