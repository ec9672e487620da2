import { printable } from "./printable.js";
import { widthOf } from "./width.js";

/** A column: its title, and whether its values are figures. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Columns side by side, as wide as their widest cell; colours do not count. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => widthOf(row[at] ?? ""))));
  const line = (row: readonly string[]) =>
    columns
      .map(({ align }, at) => pad(row[at] ?? "", widths[at] ?? 0, align))
      .join("  ")
      .trimEnd();
  const rule = widths.map((size) => "-".repeat(size));
  const [titles = [], ...cells] = all;
  return `${[line(titles), line(rule), ...cells.map(line)].join("\n")}\n`;
}

function pad(text: string, size: number, align: Column["align"]): string {
  const space = " ".repeat(Math.max(0, size - widthOf(text)));
  return align === "right" ? space + text : text + space;
}
