import type { Finding, HealthReport } from "@org/db-optimizer";

import { groupedFindings } from "../output/findings.js";
import { collectionRows, factLines, pointsText, weekRows } from "./text.js";

/** A report as Markdown, for a ticket or a pull request. */
export function healthMarkdown(report: HealthReport): string {
  const { facts, score, parts, findings } = report;
  return [
    `# Health of ${cell(facts.database)}: ${score} of 100\n`,
    `Checked at ${facts.at.toISOString()}.\n`,
    grid(
      ["part", "points", "weight", "findings"],
      parts.map((part) => [part.part, pointsText(part), `${part.weight} %`, String(part.findings)]),
    ),
    "## Findings\n",
    findings.length === 0 ? "Nothing to recommend.\n" : findingsText(findings),
    "## Seen\n",
    grid(["what", ""], factLines(report)),
    ...[weekRows(report), collectionRows(report)].map(({ titles, rows }) =>
      rows.length === 0 ? "" : grid(titles, rows),
    ),
  ]
    .filter(Boolean)
    .join("\n");
}

function findingsText(findings: readonly Finding[]): string {
  return groupedFindings(findings)
    .flatMap(({ shown, rest }) => [
      ...shown.map(findingText),
      ...(rest.length > 0
        ? [`- **${rest[0]?.severity}** and ${rest.length} more (\`${rest[0]?.code}\`)\n`]
        : []),
    ])
    .join("\n");
}

function findingText({ severity, code, message, evidence, command }: Finding): string {
  const fence = command?.includes("```") ? "````" : "```";
  const fix = command ? `\n  ${fence}sh\n  ${command.replaceAll("\n", "\n  ")}\n  ${fence}\n` : "";
  return `- **${severity}** ${cell(message)} (\`${code}\`)\n  ${cell(evidence)}\n${fix}`;
}

function grid(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.map(cell).join(" | ")} |`;
  return `${[line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n")}\n`;
}

// Names and errors come from the server: none of it may be markup.
function cell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#]/g, "\\$&").replace(/\s+/g, " ");
}
