import { progressText, type RunRecord, showRun } from "@org/db-optimizer/jobs";
import type { CommandName } from "./cli.js";
import { type Controls, queueJob, runsOfJobs, steerRun } from "./run-control.js";

/** A command that shows or steers runs; says what is to be printed. */
export async function steer(
  controls: Controls,
  command: Exclude<CommandName, "once">,
  target = "",
): Promise<string> {
  if (command === "list") return listText(await runsOfJobs(controls, target ? { job: target } : {}));
  if (command === "show") return `${JSON.stringify(await showRun(controls.connection, target), null, 2)}\n`;
  if (command === "queue") return listText([await queueJob(controls, target)]);
  return listText([await steerRun(controls, command, target)]);
}

function listText(runs: readonly RunRecord[]): string {
  if (runs.length === 0) return "no runs yet\n";
  const rows = runs.map((run) => [
    String(run._id),
    run.job,
    run.wanted ? `${run.state} (${run.wanted} asked for)` : run.state,
    run.startedAt.toISOString(),
    run.progress ? progressText(run.progress) : "",
    printable(run.detail ?? run.reason ?? run.error?.code ?? ""),
  ]);
  const titles = ["run", "job", "state", "started", "done", "why"];
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[titles, ...rows].map(line).join("\n")}\n`;
}

// Names of collections and messages of the server come from elsewhere.
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
