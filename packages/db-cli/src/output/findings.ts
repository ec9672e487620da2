// Findings for people: the one way in which health, storage, sharding and advice are printed.
import type { Finding } from "@org/db-optimizer";
import { type Group, groupsOf } from "./groups.js";
import type { Paint } from "./style.js";

const colours = { info: "dim", warning: "yellow", critical: "red" } as const;

/**
 * Findings for people, the worst first; one line where there are none.
 *
 * @param most findings of each kind that are shown; the others are counted
 */
export function findingsText(findings: readonly Finding[], paint: Paint, most = shownOfEach): string {
  if (findings.length === 0) return `${paint("green", "Nothing to recommend.")}\n`;
  return groupedFindings(findings, most)
    .map(
      ({ shown, rest }) => `${shown.map((one) => findingText(one, paint)).join("")}${restText(rest, paint)}`,
    )
    .join("");
}

const shownOfEach = 3;
const order = ["critical", "warning", "info"];

/** Findings by severity and code, the worst first, with the first of each kind to show. */
export function groupedFindings(findings: readonly Finding[], most = shownOfEach): Group<Finding>[] {
  const sorted = [...findings].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  return groupsOf(
    sorted,
    // Each open question is one of its own.
    ({ severity, code, message }) => (code === "UNKNOWN" ? message : `${severity} ${code}`),
    most,
  );
}

function findingText({ severity, code, message, evidence, command }: Finding, paint: Paint): string {
  return [
    `${paint(colours[severity], severity.padEnd(8))} ${message} ${paint("dim", code)}`,
    `         ${evidence}`,
    ...(command ? command.split("\n").map((line) => `         ${paint("cyan", line)}`) : []),
    "",
  ].join("\n");
}

function restText(rest: readonly Finding[], paint: Paint): string {
  const [first] = rest;
  if (!first) return "";
  return `${paint(colours[first.severity], first.severity.padEnd(8))} and ${rest.length} more ${paint("dim", first.code)}; all of them with --json\n`;
}
