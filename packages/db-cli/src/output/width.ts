// How many columns of a terminal a text takes: Chinese, Japanese and Korean characters and emoji take two, marks none.
import stringWidth from "string-width";
import { toTerminal } from "./printable.js";

const signs = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The columns that a text takes; colours take none. */
export function widthOf(text: string): number {
  return stringWidth(toTerminal(text));
}

/** The beginning of a text that fits into so many columns. No character is cut in two. */
export function fitting(text: string, columns: number): string {
  let width = 0;
  for (const { segment, index } of signs.segment(text)) {
    width += stringWidth(segment);
    if (width > columns) return text.slice(0, index);
  }
  return text;
}
