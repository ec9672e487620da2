// Whether every relative link of the documents leads to a file, and to a heading in it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const pages = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  encoding: "utf8",
})
  .split("\n")
  .filter((page) => page !== "" && existsSync(page) && !page.startsWith(".changeset/"));
const anchors = new Map();
const broken = [];
for (const page of pages) {
  for (const [, target] of prose(page).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)) {
    if (/^[a-z]+:/i.test(target)) continue;
    const [path, anchor] = target.split("#");
    const file = path === "" ? page : normalize(join(dirname(page), decodeURI(path)));
    if (!existsSync(file)) broken.push(`${page}: ${target}`);
    else if (
      anchor &&
      statSync(file).isFile() &&
      file.endsWith(".md") &&
      !anchorsOf(file).has(anchor.toLowerCase())
    )
      broken.push(`${page}: ${target} (no such heading)`);
  }
}
for (const link of broken) process.stderr.write(`${link}\n`);
process.stdout.write(`${pages.length} pages, ${broken.length} broken links\n`);
process.exit(broken.length > 0 ? 1 : 0);

/** A page without its code. */
function prose(page) {
  return readFileSync(page, "utf8")
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, "")
    .replace(/`[^`\n]*`(?!\])/g, "");
}

/** As GitHub makes them of headings. */
function anchorsOf(file) {
  if (!anchors.has(file)) {
    const seen = new Map();
    const text = readFileSync(file, "utf8").replace(/^(```|~~~)[\s\S]*?^\1/gm, "");
    const names = [...text.matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading]) => {
      const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]*>/g, "");
      const slug = plain
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    });
    const own = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, name]) => name.toLowerCase());
    anchors.set(file, new Set([...names, ...own]));
  }
  return anchors.get(file);
}
