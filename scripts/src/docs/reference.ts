import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import {
  Application,
  Converter,
  DeclarationReflection,
  type ProjectReflection,
  ReflectionKind,
  type TypeDocOptions,
} from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import type { Compiled } from "./examples.js";

/** The API reference of the published packages, by path below the root: what their barrels export, with its TSDoc. */
export async function referencePages(root: string, compiled: Compiled): Promise<Record<string, string>> {
  const out = mkdtempSync(join(tmpdir(), "reference-"));
  try {
    await render(root, compiled, out);
    const files = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".md"),
    );
    const paths = files.map((file) => file.replaceAll("\\", "/")).sort();
    const texts = new Map(paths.map((path) => [path, readFileSync(join(out, path), "utf8")]));
    const pages = [...texts].map(
      ([path, text]) => [path, shortReferences(withAnchors(path, text, texts))] as const,
    );
    return Object.fromEntries(
      [...withShortPages(pages)].map(([path, text]) => [
        `docs/reference/${path}`,
        path === "README.md" ? withCommands(text) : text,
      ]),
    );
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const mostLines = 1_500;
const interfaces = /^## Interfaces\n.*?(?=^## |(?![\s\S]))/ms;

/** Pages that people can read: what is too long gives its interfaces to a page of their own, to which all links lead. */
function withShortPages(pages: readonly (readonly [path: string, text: string])[]): Map<string, string> {
  const texts = new Map(pages);
  for (const [path] of pages) {
    const text = texts.get(path) ?? "";
    const [section] = text.split("\n").length > mostLines ? (interfaces.exec(text) ?? []) : [];
    if (section === undefined) continue;
    const title = /^# .*/.exec(text)?.[0] ?? "";
    const own = path.replace(/\.md$/, ".interfaces.md");
    texts.set(
      path,
      text.replace(section, `## Interfaces\n\n[A page of their own](${posix.basename(own)}).\n\n`),
    );
    texts.set(own, `${title}: interfaces\n\n${section}`);
    const moved = new Set(
      [...section.matchAll(/^#{3,6} ([^\s<\\(]+)|<a id="([^"]+)">/gm)].map(
        ([, name, id]) => id ?? name?.toLowerCase(),
      ),
    );
    for (const [from, linking] of texts) texts.set(from, withLinksTo(linking, from, path, own, moved));
  }
  const long = [...texts].filter(([, text]) => text.split("\n").length > mostLines).map(([path]) => path);
  if (long.length > 0) throw new Error(`longer than ${mostLines} lines: ${long.join(", ")}`);
  return texts;
}

/** The text with its links to what has moved from one page to another. */
function withLinksTo(
  text: string,
  from: string,
  old: string,
  own: string,
  moved: ReadonlySet<string | undefined>,
): string {
  const folder = posix.dirname(from);
  return text.replace(/\]\(([^()#\s]*)#([a-z0-9_-]+)\)/g, (whole, file: string, name: string) => {
    const target = file === "" ? from : posix.join(folder, file);
    // A section that has moved took its links within the page along.
    const isOld = target === old || (file === "" && from === own);
    if (!isOld) return whole;
    const page = moved.has(name.replace(/-\d+$/, "")) ? own : old;
    return `](${page === from ? "" : posix.relative(folder, page)}#${name})`;
  });
}

/** The generator counts equal names over all pages: an anchor whose number no heading of its page has loses it. */
function withAnchors(path: string, text: string, texts: ReadonlyMap<string, string>): string {
  return text.replace(
    /\]\(([^()#\s]*)#([a-z0-9_-]+?)-(\d+)\)/g,
    (whole, file: string, name: string, number) => {
      const target = texts.get(file === "" ? path : posix.join(posix.dirname(path), file)) ?? "";
      if (target.includes(`<a id="${name}-${number}">`)) return whole;
      const headings = target.match(new RegExp(`^#{1,6} ${name}(\\(\\))?$`, "gim"))?.length ?? 0;
      return headings > Number(number) ? whole : `](${file}#${name})`;
    },
  );
}

/** What a subpath's page describes is named in a list, without a heading of its own. */
function shortReferences(text: string): string {
  const [before = "", references] = text.split("\n## References\n");
  if (references === undefined) return text;
  const links = [...references.matchAll(/^Re-exports (\[[^\]]*\]\([^)]*\))$/gm)].map(([, link]) => link);
  return `${before}\n## Also exported here\n\n${links.join(", ")}\n`;
}

function withCommands(index: string): string {
  return `${index}\n## Commands\n\n- [org-db](cli.md)\n`;
}

// All packages in one go: one's page links to the other's.
async function render(root: string, { program, entries }: Compiled, out: string): Promise<void> {
  const app = await Application.bootstrapWithPlugins({ ...options(root), out });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => splitByCapability(project));
  const project = app.converter.convert(
    entries.map(({ name, source }) => ({ displayName: name, program, sourceFile: source })),
  );
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error("typedoc could not read the packages");
}

/**
 * Gives each capability of a package's main entry a page of its own: what is declared in one folder of its sources. What
 * lies beside the folders stays, and so does what a subpath of that name has a page for.
 */
function splitByCapability(project: ProjectReflection): void {
  const entries = project.children ?? [];
  for (const entry of [...entries]) {
    if (entry.name.includes("/")) continue;
    for (const child of [...(entry.children ?? [])]) {
      const capability = capabilityOf(project, child);
      if (!capability || entries.some(({ name }) => name === `${entry.name}/${capability}`)) continue;
      const page = `${entry.name}.${capability}`;
      const home = entries.find(({ name }) => name === page) ?? addPage(project, page);
      entry.removeChild(child);
      child.parent = home;
      home.addChild(child);
    }
  }
}

function addPage(project: ProjectReflection, name: string): DeclarationReflection {
  const page = new DeclarationReflection(name, ReflectionKind.Module, project);
  project.registerReflection(page, undefined, undefined);
  project.addChild(page);
  return page;
}

function capabilityOf(project: ProjectReflection, reflection: DeclarationReflection): string | undefined {
  const path = project.getSymbolIdFromReflection(reflection)?.packagePath.replaceAll("\\", "/");
  const [, folder, inner] = path?.match(/^src\/([^/]+)\/(?:([^/]+)\/)?/) ?? [];
  if (folder === "core") return inner;
  return folder === "schemas" ? "documents" : folder;
}

// Nothing that changes without the code: no line numbers, revisions, versions or dates.
function options(root: string): TypeDocOptions & Partial<PluginOptions> {
  return {
    name: "API reference",
    tsconfig: join(root, "tsconfig.json"),
    plugin: ["typedoc-plugin-markdown"],
    readme: "none",
    disableSources: true,
    disableGit: true,
    includeVersion: false,
    excludeExternals: true,
    hideGenerator: true,
    logLevel: "Warn",
    router: "module",
    entryFileName: "README",
    pageTitleTemplates: { module: ({ name }) => `@org/${name.replace(".", ": ")}` },
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    typeAliasPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    expandObjects: false,
    useCodeBlocks: true,
  };
}
