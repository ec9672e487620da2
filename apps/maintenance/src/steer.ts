import type { CommandName } from "./cli.js";
import { type Controls, cancelRun, listRuns, pauseRun, queueRun, resumeRun, showRun } from "./run-control.js";
import type { RunDocument } from "./runs.js";

/** A command that shows or steers runs; says what is to be printed. */
export async function steer(
  controls: Controls,
  command: Exclude<CommandName, "once">,
  target = "",
): Promise<string> {
  if (command === "list") return listText(await listRuns(controls, target || undefined));
  if (command === "show") return `${JSON.stringify(await showRun(controls, target), null, 2)}\n`;
  const change = { queue: queueRun, pause: pauseRun, resume: resumeRun, cancel: cancelRun }[command];
  return listText([await change(controls, target)]);
}

function listText(runs: readonly RunDocument[]): string {
  if (runs.length === 0) return "no runs yet\n";
  const rows = runs.map((run) => [
    String(run._id),
    run.job,
    run.wanted && run.state !== "cancelled" ? `${run.state} (${run.wanted} asked for)` : run.state,
    run.startedAt.toISOString(),
    progressText(run),
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

function progressText({ progress }: RunDocument): string {
  if (!progress) return "";
  const { step, done, total, rate = 0, etaMs } = progress;
  const share = total > 0 ? ` (${Math.floor((done / total) * 100)} %)` : "";
  const pace = rate > 0 ? `, ${rate} per second` : "";
  const left = etaMs === null || done >= total ? "" : `, ${Math.ceil(etaMs / 1_000)} s left`;
  return `${step} ${done} of ${total}${share}${pace}${left}`;
}
