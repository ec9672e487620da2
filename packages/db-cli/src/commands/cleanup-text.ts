import type { CleanupReport, CleanupRule, RuleReport } from "@org/db-optimizer";
import { idText } from "@org/db-optimizer/migrate";

import { bytes, count, duration, maybeDuration, plural } from "../output/format.js";
import type { Paint } from "../output/style.js";
import { table } from "../output/table.js";

const figure = (title: string) => ({ title, align: "right" as const });

/** Verbs for the actions of rules. */
const verbs = { delete: "remove", archive: "archive", anonymise: "anonymise" } as const;
type Kind = keyof typeof verbs;
type Amounts = ReadonlyMap<Kind, number>;

function kindOf({ action = "delete" }: CleanupRule): Kind {
  if (action === "delete") return "delete";
  return "anonymise" in action ? "anonymise" : "archive";
}

/** A report of a cleanup by these rules for people. */
export function cleanupText(report: CleanupReport, by: readonly CleanupRule[], paint: Paint): string {
  const { dryRun, rules } = report;
  const amounts = new Map<Kind, number>();
  for (const [at, { matched, deleted }] of rules.entries()) {
    const kind = kindOf(by[at] as CleanupRule);
    amounts.set(kind, (amounts.get(kind) ?? 0) + (dryRun ? matched : deleted));
  }
  if (dryRun) return `${rulesTable(report)}\n${dryText(report, amounts, paint)}`;
  return [
    `${rulesTable(report)}\n`,
    `${impactTable(report)}\n${latencyText(report)}`,
    doneText(report, amounts, paint),
    stoppedText(report, paint),
  ].join("");
}

/** "Remove 5, archive 3 and anonymise 1,200 documents", with an ending for each verb. */
function amountsText(amounts: Amounts, ending: (verb: string) => string): string {
  const some = [...amounts].filter(([, documents]) => documents > 0);
  const shown = some.length > 0 ? some : [["delete", 0] as const];
  const parts = shown.map(([kind, documents]) => `${ending(verbs[kind])} ${count(documents)}`);
  const last = parts.pop();
  const text = parts.length > 0 ? `${parts.join(", ")} and ${last}` : `${last}`;
  const single = shown.length === 1 && shown[0]?.[1] === 1;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)} ${single ? "document" : "documents"}`;
}

const sumOf = (amounts: Amounts) => [...amounts.values()].reduce((sum, documents) => sum + documents, 0);

function dryText({ rules }: CleanupReport, amounts: Amounts, paint: Paint): string {
  const ms = rules.reduce((sum, { estimate }) => sum + estimate.ms, 0);
  const measured = rules.every(({ matched, estimate }) => matched === 0 || estimate.basis === "measured");
  const basis = measured ? "as measured by earlier runs" : "assumed, until a run has measured it";
  const next =
    sumOf(amounts) > 0
      ? `${amountsText(amounts, (verb) => verb)} with --run, in about ${duration(ms)} (${basis}).`
      : "There is nothing to do.";
  return `${paint("yellow", "Dry run:")} nothing was changed. ${next}\n`;
}

const past = (verb: string) => `${verb}d`;

function doneText(report: CleanupReport, amounts: Amounts, paint: Paint): string {
  const { elapsedMs, pausedMs, resumed } = report;
  const paused = pausedMs >= 1_000 ? `, ${duration(pausedMs)} of the run in pauses` : "";
  const lag = report.lag?.during ? ` Replication was at most ${duration(report.lag.during)} behind.` : "";
  return [
    resumed ? "Went on with the run that had not ended.\n" : "",
    `${paint("green", amountsText(amounts, past))} in ${duration(elapsedMs)}${paused}.${lag}\n`,
    goneText(report, (amounts.get("delete") ?? 0) + (amounts.get("archive") ?? 0)),
    ...report.unknown.map(({ signal, reason }) => `Continued without the signal ${signal}: ${reason}.\n`),
  ].join("");
}

function stoppedText({ stopReason }: CleanupReport, paint: Paint): string {
  if (stopReason === "signal")
    return `${paint("yellow", "Stopped on request.")} Run it again to continue: nothing is lost.\n`;
  return stopReason === "cancelled" ? `${paint("yellow", "Cancelled")} from outside.\n` : "";
}

// The TTL monitor and the application go on meanwhile.
function goneText({ collections }: CleanupReport, removed: number): string {
  const fewer = collections.reduce((sum, { before, after }) => sum + before.documents - after.documents, 0);
  return fewer > removed
    ? `${count(fewer - removed)} more went meanwhile, by TTL indexes or the application.\n`
    : "";
}

function rulesTable({ rules, dryRun, collections }: CleanupReport): string {
  const sizes = new Map(collections.map(({ collection, before }) => [collection, before.documents]));
  const indexText = ({ index, collection }: RuleReport) =>
    index ?? (sizes.get(collection) === 0 ? "(nothing there)" : "(scan)");
  const undated = rules
    .filter(({ withoutDate = 0 }) => withoutDate > 0)
    .map(
      ({ rule, withoutDate = 0 }) =>
        `note: ${rule} never reaches ${plural(withoutDate, "document")} whose field holds no date, but a text or a number\n`,
    );
  const rows = table(
    [
      { title: "rule" },
      { title: "collection" },
      figure("past retention"),
      figure("about"),
      ...(dryRun ? [figure("takes")] : [figure("done"), figure("batches"), figure("time")]),
      { title: "by index" },
    ],
    rules.map((rule) => [
      rule.rule,
      rule.collection,
      count(rule.matched),
      bytes(rule.matchedBytes),
      ...(dryRun
        ? [duration(rule.estimate.ms)]
        : [count(rule.deleted), count(rule.batches), duration(rule.elapsedMs)]),
      indexText(rule),
    ]),
  );
  return `${rows}${undated.join("")}${rules.map(asideText).join("")}`;
}

function asideText({ rule, setAside }: RuleReport): string {
  if (!setAside) return "";
  const first = setAside.first.map(({ id, reason }) => `      ${idText(id)}: ${reason}\n`);
  return `note: ${rule} left ${plural(setAside.documents, "document")} as they are\n${first.join("")}`;
}

function impactTable({ collections }: CleanupReport): string {
  const change = (before: number, after: number) => `${bytes(before)} -> ${bytes(after)}`;
  return table(
    [{ title: "collection" }, figure("documents"), figure("data"), figure("storage"), figure("indexes")],
    collections.map(({ collection, before, after }) => [
      collection,
      `${count(before.documents)} -> ${count(after.documents)}`,
      change(before.dataBytes, after.dataBytes),
      change(before.storageBytes, after.storageBytes),
      change(before.indexBytes, after.indexBytes),
    ]),
  );
}

function latencyText({ latency }: CleanupReport): string {
  if (!latency) return "";
  const rows = (["before", "during", "after"] as const).map((when) => {
    const { p50, p95, samples } = latency[when];
    return [when, maybeDuration(p50), maybeDuration(p95), count(samples)];
  });
  return `${table([{ title: "named queries" }, ...["p50", "p95", "samples"].map(figure)], rows)}\n`;
}
