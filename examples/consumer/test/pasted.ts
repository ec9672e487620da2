/** What a reader of a page does in turn: saves a file, or runs a line in a shell. */
export type Paste =
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  | { readonly kind: "line"; readonly command: string; readonly exits: number };

const fence = /^```(\w+)\n(.*?)^```$/gms;

/**
 * The fenced blocks of a page in their order. A file's name is the comment in its first line; a command's comment says
 * "exits with 2" where it does not end with 0.
 */
export function pastesOf(page: string): Paste[] {
  return [...page.matchAll(fence)].flatMap(([, language = "", text = ""]): Paste[] =>
    language === "sh" ? linesOf(text) : [fileOf(text)],
  );
}

function linesOf(text: string): Paste[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, command = "", comment = ""] = /^(.*?)(?:\s+# (.*))?$/.exec(line) ?? [];
      return { kind: "line", command, exits: Number(/exits with (\d+)/.exec(comment)?.[1] ?? 0) };
    });
}

function fileOf(text: string): Paste {
  const [, name] = /^\/\/ (\S+)\n/.exec(text) ?? [];
  if (name === undefined) throw new Error(`a block without the name of its file:\n${text}`);
  return { kind: "file", name, text };
}
