import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type DefaultTheme, defineConfig, type MarkdownRenderer } from "vitepress";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../../", import.meta.url));
const repository = "https://github.com/org/identity-database";

/** A page's first heading, without its code marks. */
function titleOf(page: string): string {
  const heading = readFileSync(join(root, page), "utf8").match(/^# +(.+)$/m)?.[1] ?? page;
  return heading.replaceAll("`", "");
}

const item = (page: string): DefaultTheme.SidebarItem => ({ text: titleOf(page), link: addressOf(page) });

/**
 * Where a page of the repository stands in the site. In lower case, because what writes the pages takes names that differ
 * in case alone for one, as many file systems do.
 */
function addressOf(page: string): string {
  if (page === "docs/README.md") return "/documents.md";
  return `/${page
    .replace(/^([A-Z_]+)\.md$/, (name) => (name === "README.md" ? name : `project/${name.toLowerCase()}`))
    .replace(/^docs\//, "")
    .replace(/^(packages|apps)\/([^/]+)\/README\.md$/, "$1/$2.md")
    .replace(/(^|\/)README\.md$/, "$1index.md")}`;
}

const links = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#\s]+\.md)(?:#[^)]*)?\)/g)].map(([, path]) => path ?? "");

/** The pages that an index page links to in its folder, in its order. */
function pagesOf(index: string): string[] {
  const folder = dirname(index);
  const pages = links(readFileSync(join(root, index), "utf8")).map((path) => join(folder, path));
  return [...new Set(pages)].filter((page) => existsSync(join(root, page)));
}

const pagesUnder = (folder: string) => pagesOf("docs/README.md").filter((page) => page.startsWith(folder));
const reference = pagesOf("docs/reference/README.md").map((page) => ({
  text: relative("docs/reference", page).replace(/\.md$/, ""),
  link: addressOf(page),
}));

const isPage = (path: string) =>
  path.endsWith(".md") && !/(^|\/)(CHANGELOG\.md|\.github\/|packages\/dev-kit\/)/.test(path);

/** A link of a document, as the site has it: to a page by its address there, to all else by that in the repository. */
function linkOf(page: string, target: string): string {
  const [path = "", anchor] = target.split("#");
  if (path === "" || /^[a-z]+:/i.test(path)) return target;
  const file = relative(root, resolve(dirname(page), decodeURI(path))).replaceAll("\\", "/");
  if (!existsSync(join(root, file))) return target;
  const address = isPage(file) ? addressOf(file) : `${repository}/blob/main/${file}`;
  return anchor === undefined ? address : `${address}#${anchor}`;
}

function relink(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push("relink", ({ tokens, env }) => {
    const links = tokens.flatMap(({ children }) => children ?? []).filter(({ type }) => type === "link_open");
    for (const link of links)
      link.attrSet("href", linkOf(String(env.realPath ?? env.path), String(link.attrGet("href"))));
  });
}

export default defineConfig({
  title: "Identity database",
  description: "Users, sessions, API keys, OAuth storage, risk and audit on MongoDB",
  srcDir: root,
  srcExclude: [
    "**/node_modules/**",
    "**/dist/**",
    "**/test/**",
    "reports/**",
    ".changeset/**",
    ".github/**",
    "**/CHANGELOG.md",
    "packages/dev-kit/**",
  ],
  outDir: join(root, "reports/site"),
  cacheDir: join(root, "node_modules/.vitepress"),
  cleanUrls: true,
  head: [["link", { rel: "icon", href: "data:," }]],
  lastUpdated: false,
  rewrites: (page) => addressOf(page).slice(1),
  // A link that leads to no page ends the build; what is no page of the site is shown in the repository.
  ignoreDeadLinks: false,
  markdown: { config: relink },
  // The pages lie outside this package, from where its dependencies are not found.
  vite: {
    resolve: {
      alias: {
        "vue/server-renderer": require.resolve("vue/server-renderer"),
        vue: require.resolve("vue/dist/vue.runtime.esm-bundler.js"),
      },
    },
  },
  themeConfig: {
    search: { provider: "local" },
    nav: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Guides", link: "/guides/sessions" },
      { text: "Reference", link: "/reference/" },
      { text: "Compare", link: "/comparison" },
    ],
    sidebar: [
      {
        text: "Start",
        items: ["README.md", "docs/getting-started.md", "docs/comparison.md", "docs/README.md"].map(item),
      },
      { text: "Guides", items: pagesUnder("docs/guides").map(item) },
      {
        text: "Packages and apps",
        items: pagesOf("README.md")
          .filter((page) => /^(packages|apps)\//.test(page))
          .map(item),
      },
      {
        text: "To look things up",
        items: [
          "cli.md",
          "configuration.md",
          "errors.md",
          "schema.md",
          "queries.md",
          "packages.md",
          "benchmarks.md",
          "risk-evaluation.md",
          "glossary.md",
        ].map((page) => item(`docs/${page === "cli.md" ? "reference/cli.md" : page}`)),
      },
      { text: "Reference", collapsed: true, items: reference },
      {
        text: "The project",
        items: [
          "docs/architecture.md",
          "docs/decisions/README.md",
          "docs/security.md",
          "CONTRIBUTING.md",
          "SECURITY.md",
          "SUPPORT.md",
          "CODE_OF_CONDUCT.md",
        ].map(item),
      },
    ],
    socialLinks: [{ icon: "github", link: repository }],
  },
});
