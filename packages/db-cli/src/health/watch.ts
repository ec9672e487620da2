import { setTimeout as sleep } from "node:timers/promises";

import { type Finding, type HealthReport, isOptimizerError, toOptimizerError } from "@org/db-optimizer";

import type { Context } from "../command.js";
import { printable, toJson, withNamesInLines } from "../output/printable.js";
import { redact } from "../output/redact.js";
import { Screen } from "../output/screen.js";
import { namesOf } from "../session.js";
import { healthScreen } from "./text.js";

const ctrlC = String.fromCharCode(3);

/** Input of a watch. */
export interface WatchInput {
  /** Milliseconds between the end of one check and the start of the next. */
  readonly everyMs: number;
  /** JSON, one line for each check. */
  readonly json: boolean;
  check(previous: HealthReport | undefined): Promise<HealthReport>;
}

/** The last thing that a watch saw. */
export interface Seen {
  readonly report?: HealthReport;
  /** Why the last check failed. */
  readonly failure?: Error;
}

/**
 * Checks repeatedly until Ctrl-C or `q`. A terminal is redrawn; other output gets a line for each check. While the server
 * is unreachable, the watch says so and keeps trying.
 */
export async function watchHealth(context: Context, { everyMs, json, check }: WatchInput): Promise<Seen> {
  const stopped = new AbortController();
  const signal = AbortSignal.any([context.signal, stopped.signal]);
  const deaf = context.onKey((key) => {
    if (key === "q" || key === "Q" || key === ctrlC) stopped.abort();
  });
  const view = json ? jsonLines(context) : context.stdout.isTTY ? screenOf(context, everyMs) : lines(context);
  const left = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  let seen: Seen = {};
  view.open();
  try {
    while (!signal.aborted) {
      // Ctrl-C and `q` end the watch even while a server hangs.
      const next = await Promise.race([lookOnce(() => check(seen.report)), left]);
      if (!next) break;
      view.show(next, seen);
      seen = next.report ? next : { ...seen, ...next };
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    view.close();
    deaf();
  }
  return seen;
}

async function lookOnce(check: () => Promise<HealthReport>): Promise<Seen> {
  try {
    return { report: await check() };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

function failureOf(error: unknown): Error {
  const known = toOptimizerError(error);
  if (known.kind === "caller") throw known;
  return known;
}

interface View {
  open(): void;
  show(next: Seen, before: Seen): void;
  close(): void;
}

function screenOf({ stdout, paint, now, ...context }: Context, everyMs: number): View {
  const screen = new Screen(stdout);
  const names = namesOf(context);
  return {
    open: () => screen.open(),
    show: ({ report, failure }, before) => {
      const shown = report ?? before.report;
      const state = failure ? `${paint("red", printable(failureText(failure)))}\n` : "";
      const head = paint("dim", `${now().toISOString()}, every ${everyMs / 1_000} s; q ends`);
      const text = shown ? withNamesInLines(healthScreen(shown, paint), [names, shown]) : "";
      screen.draw(`${head}\n${state}${text}`);
    },
    close: () => screen.close(),
  };
}

function lines({ stdout, now }: Context): View {
  return {
    open: () => undefined,
    show: ({ report, failure }, before) => {
      const said = report ? reportLine(report, before.report) : failureText(failure);
      stdout.write(`${now().toISOString()} ${printable(said)}\n`);
    },
    close: () => undefined,
  };
}

function jsonLines({ stdout, now }: Context): View {
  return {
    open: () => undefined,
    show: ({ report, failure }) => {
      const code = isOptimizerError(failure) ? failure.code : "UNEXPECTED";
      const error = { at: now(), error: { code, message: redact(failure?.message ?? "") } };
      stdout.write(`${toJson(report ?? error)}\n`);
    },
    close: () => undefined,
  };
}

function failureText(failure: Error | undefined): string {
  const code = isOptimizerError(failure) ? failure.code : "UNEXPECTED";
  return `${code} ${redact(failure?.message ?? "")}`;
}

/** A report in one line, with what is new and gone since the one before. */
function reportLine({ score, findings }: HealthReport, before?: HealthReport): string {
  const count = (severity: string) => findings.filter((finding) => finding.severity === severity).length;
  const counts = `${count("critical")} critical, ${count("warning")} warning, ${count("info")} info`;
  if (!before) return `${score} of 100; ${counts}`;
  const known = new Set(before.findings.map(placeOf));
  const still = new Set(findings.map(placeOf));
  const names = (list: readonly Finding[]) =>
    list.map(({ code, message }) => `${code} (${message})`).join(", ");
  const added = findings.filter((finding) => !known.has(placeOf(finding)));
  const gone = before.findings.filter((finding) => !still.has(placeOf(finding)));
  return [
    `${score} of 100; ${counts}`,
    ...(added.length > 0 ? [`new: ${names(added)}`] : []),
    ...(gone.length > 0 ? [`gone: ${names(gone)}`] : []),
  ].join("; ");
}

function placeOf({ code, message }: Finding): string {
  return `${code} ${message}`;
}
