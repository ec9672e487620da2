// The details of operations that an audit log receives.
import type { CleanupReport } from "./cleanup/report.js";
import type { ApplyResult, StepResult } from "./indexes/apply/run.js";
import type { DatabaseOperation } from "./record.js";
import type { InitializeResult } from "./setup/initialize.js";

type Details = DatabaseOperation["details"] | undefined;

const longest = 200;

/** Details of a setup. Pure. */
export function setupDetails({ changed, ready, collections, indexes }: InitializeResult): Details {
  if (!changed) return undefined;
  const names = collections.map(({ kind, collection }) => `${kind} ${collection}`);
  return { ready: String(ready), ...named("collections", names), ...steps(indexes) };
}

/** Details of an apply, or of a rollback. Pure. */
export function applyDetails({ changed, complete, runId, steps: done }: ApplyResult): Details {
  return changed ? { complete: String(complete), ...(runId && { run: runId }), ...steps(done) } : undefined;
}

/** Details of a cleanup. Pure. */
export function cleanupDetails({ runId, stopped, rules }: CleanupReport): Details {
  const acted = rules.filter(({ deleted }) => deleted > 0);
  if (acted.length === 0) return undefined;
  const done = acted.map(({ rule, deleted }) => `${rule} ${deleted}`);
  return { ...(runId && { run: runId }), stopped: String(stopped), ...named("done", done) };
}

function steps(results: readonly StepResult[]): DatabaseOperation["details"] {
  const done = results.filter(({ outcome }) => outcome === "done");
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const names = (list: readonly StepResult[]) =>
    list.map(({ step: { kind, collection, index } }) => `${kind} ${collection}.${index}`);
  return { ...named("indexes", names(done)), ...named("failed", names(failed)) };
}

/** How many, and their names as far as there is room. */
function named(what: string, names: readonly string[]): DatabaseOperation["details"] {
  if (names.length === 0) return {};
  const text = `${names.length}: ${names.join(", ")}`;
  return { [what]: text.length > longest ? `${text.slice(0, longest - 1)}…` : text };
}
