import { styleText } from "node:util";

import type { CliIo, Sink } from "../io.js";
import { ownEscape } from "./printable.js";

type Format = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Paints text, or leaves it as it is. */
export type Paint = (format: Format, text: string) => string;

/**
 * Colours where a person looks on: on a terminal, unless NO_COLOR (https://no-color.org) is set. They become escape
 * sequences in `toTerminal`.
 */
export function paintFor(sink: Sink, env: CliIo["env"]): Paint {
  const colours = sink.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  // The stream is judged here, so that a test's sink counts as much as a terminal.
  return (format, text) =>
    colours ? styleText(format, text, { validateStream: false }).replaceAll("\u001b", ownEscape) : text;
}
