// `npm run docs:site`: the documents as a static site in reports/site. A link that leads to no page ends it.
import { fileURLToPath } from "node:url";
import { build } from "vitepress";

await build(fileURLToPath(new URL(".", import.meta.url)), { logLevel: "warn" });
process.stdout.write(
  "The site is in reports/site: serve that folder, for instance with npx serve reports/site\n",
);
