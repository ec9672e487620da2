/**
 * Takes the pictures of the documents again: the report of the demo, pages of the service and in other languages, the
 * health page, the dashboard. The demo, the service and the tests of the pages make what is shown; a few minutes, or less for some by name:
 * `npm run docs:pictures -- pages health`. Look at each before you commit it.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { openBrowser } from "@org/dev-kit/browser";
import { takeServicePictures } from "./service-pictures.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const shots = await mkdtemp(join(tmpdir(), "org-db-pictures-"));

/** A picture of shots that stand side by side, two or three in a row, and the test that takes them or the service. */
interface Sheet {
  test?: string;
  shots: readonly string[];
}

const sheets: Readonly<Record<string, Sheet>> = {
  pages: { shots: ["front", "usage", "api-keys", "admin"] },
  languages: {
    test: "packages/fastify-identity/test/pages/looks.test.ts",
    shots: ["sign-in-light", "account-usage-dark", "account-usage-rtl"],
  },
  health: {
    test: "packages/db-cli/test/health-page.test.ts",
    shots: ["health-light-1280", "health-dark-390"],
  },
  dashboard: {
    test: "apps/maintenance/test/dashboard.test.ts",
    shots: ["dashboard-light-1280", "dashboard-dark-390"],
  },
};
const demoReport = "demo-report";
const known = [demoReport, ...Object.keys(sheets)];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : known;
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No picture ${unknown.join(", ")}; there are ${known.join(", ")}\n`);
  process.exit(1);
}

const browser = await openBrowser();
try {
  const tab = await browser.newPage({ viewport: { width: 1_304, height: 400 }, colorScheme: "light" });
  const taken = Object.entries(sheets).filter(([name]) => wanted.includes(name));
  const tests = taken.flatMap(([, { test }]) => test ?? []);
  if (tests.length > 0)
    await run(["node_modules/vitest/vitest.mjs", "run", ...tests], { ORG_DB_TEST_SCREENSHOTS: shots });
  if (taken.some(([, { test }]) => test === undefined)) await takeServicePictures(browser, shots);
  for (const [name, sheet] of taken) {
    await tab.setContent(await pageOf(sheet));
    await tab.screenshot({ path: imageOf(name), fullPage: true });
  }
  if (wanted.includes(demoReport)) {
    await run(["scripts/run.mjs", "demo"]);
    await tab.setViewportSize({ width: 1_100, height: 1_000 });
    await tab.goto(pathToFileURL(join(root, "reports/demo.html")).href);
    await tab.screenshot({ path: imageOf(demoReport) });
  }
} finally {
  await browser.close();
  await rm(shots, { recursive: true, force: true });
}

function imageOf(name: string): string {
  const path = join(root, `docs/images/${name}.png`);
  process.stdout.write(`docs/images/${name}.png\n`);
  return path;
}

async function pageOf(sheet: Sheet): Promise<string> {
  // Four are two rows.
  const [basis, wrap] = sheet.shots.length === 4 ? ["40%", "wrap"] : ["0", "nowrap"];
  const images = await Promise.all(
    sheet.shots.map(async (part) => {
      const data = await readFile(join(shots, `${part}.png`), "base64");
      // A picture of a phone takes the width of a phone.
      const grow = part.endsWith("-390") ? 390 : 1_280;
      return `<img style="flex:${grow} 1 ${basis}" src="data:image/png;base64,${data}">`;
    }),
  );
  return `<body style="margin:0;padding:8px;background:#c9ccd1"><div style="display:flex;flex-wrap:${wrap};gap:8px;align-items:flex-start">${images.join("")}</div><style>img{min-width:0;max-height:760px;object-fit:cover;object-position:top}</style>`;
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${args.join(" ")} ended with status ${code}`);
}
