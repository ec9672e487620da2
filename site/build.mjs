// `npm run docs:site`: the documents as a static site in reports/site. A link that leads to no page ends it. With `--check`
// code has no colours and scripts are not made small, which takes almost half of the time and finds nothing.
import { fileURLToPath } from "node:url";
import { build } from "vitepress";

const isCheck = process.argv.includes("--check");
await build(fileURLToPath(new URL(".", import.meta.url)), {
  logLevel: "warn",
  ...(isCheck && { onAfterConfigResolve: asCheck }),
});
if (!isCheck)
  process.stdout.write(
    "The site is in reports/site: serve that folder, for instance with npx serve reports/site\n",
  );

/** @param {import("vitepress").SiteConfig} site */
function asCheck(site) {
  const highlight = (code) => code.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  site.markdown = { ...site.markdown, highlight };
  site.vite = { ...site.vite, build: { minify: false, rollupOptions: { treeshake: false } } };
  site.outDir += "-check";
}
