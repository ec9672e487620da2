/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { withLock } from "./engine/lock.js";

/** How somebody looks at a page. */
export interface Look {
  readonly scheme: "light" | "dark";
  /** Of the window, CSS pixels. */
  readonly width: number;
}

/** A page as a browser shows it. */
export interface Seen {
  /** Errors of the page: refused content, scripts that threw, and others. */
  readonly complaints: readonly string[];
  /** Addresses that it asked for, but for its own. */
  readonly requests: readonly string[];
  /** Pixels by which it is wider than the window: what somebody would have to scroll sideways. */
  readonly overflow: number;
  /** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3), with that contrast. */
  readonly faint: readonly string[];
  /** Charts, by what they are called, with their size in pixels. */
  readonly charts: readonly { readonly label: string; readonly width: number; readonly height: number }[];
  /** The visible text. */
  readonly text: string;
}

/** Wide and narrow windows, in light and dark. */
export const looks: readonly Look[] = (["light", "dark"] as const).flatMap((scheme) =>
  [1_280, 390].map((width) => ({ scheme, width })),
);

/** Chromium as it is installed, or as it can be. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findBrowser() ?? (await installBrowser());
  // As root, as in a container, Chromium does not start with its sandbox; the pages are our own.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/**
 * Opens a page with no network but the one address, and looks at it.
 *
 * @param page an address, or HTML
 * @param name of a picture that is kept in the folder `ORG_DB_TEST_SCREENSHOTS`, if there is one
 */
export async function lookAt(browser: Browser, page: string, look: Look, name: string): Promise<Seen> {
  const context = await browser.newContext({
    colorScheme: look.scheme,
    viewport: { width: look.width, height: 900 },
  });
  try {
    const tab = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    tab.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(String(error)));
    await tab.route("**/*", (route, request) => {
      if (request.url() === page) return route.continue();
      if (request.url().startsWith("data:")) return route.continue();
      requests.push(request.url());
      return route.abort();
    });
    if (/^https?:/.test(page)) await tab.goto(page);
    else await tab.setContent(page);
    await keepPicture(tab, `${name}-${look.scheme}-${look.width}`);
    return { complaints, requests, ...(await measureTab(tab)) };
  } finally {
    await context.close();
  }
}

/** What a tab shows now. */
export async function measureTab(tab: Page): Promise<Omit<Seen, "complaints" | "requests">> {
  // biome-ignore lint/performance/useDomNodeTextContent: what is hidden is not seen.
  const text = await tab.innerText("body");
  return { text, ...(await tab.evaluate(measure)) };
}

/** Keeps a picture of a tab in the folder `ORG_DB_TEST_SCREENSHOTS`, if there is one. */
export async function keepPicture(tab: Page, name: string): Promise<void> {
  const folder = process.env.ORG_DB_TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await tab.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Runs in the page. */
function measure(): Omit<Seen, "complaints" | "requests" | "text"> {
  const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): string => {
    if (!element) return "rgb(255, 255, 255)";
    const colour = getComputedStyle(element).backgroundColor;
    return (channels(colour)[3] ?? 1) === 0 ? behind(element.parentElement) : colour;
  };
  const contrast = (element: Element) => {
    const { color, fill } = getComputedStyle(element);
    const ink = element instanceof SVGElement ? fill : color;
    const [dark, light] = [luminance(ink), luminance(behind(element))].sort((a, b) => a - b);
    return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
  };
  const own = (element: Element) =>
    [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent?.trim() ?? "")
      .join("");
  const texts = [...document.body.querySelectorAll("*")].filter((element) => own(element) !== "");
  const { documentElement: root } = document;
  return {
    overflow: root.scrollWidth - root.clientWidth,
    faint: texts
      .filter((element) => contrast(element) < 4.5)
      .map((element) => `${own(element)}: ${contrast(element).toFixed(1)}`),
    charts: [...document.querySelectorAll("svg")].map((chart) => {
      const { width, height } = chart.getBoundingClientRect();
      return { label: chart.getAttribute("aria-label") ?? "", width, height };
    }),
  };
}

// The build without windows first: pages are the same to it, and it takes half the processor time.
const names = [
  ...["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
];

function findBrowser(): string | undefined {
  const given = process.env.CHROMIUM;
  if (given) return given;
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    "/Applications/Google Chrome.app/Contents/MacOS",
  ];
  const places = folders.flatMap((folder) => [...names, "Google Chrome"].map((name) => join(folder, name)));
  return [...places, chromium.executablePath()].find((place) => existsSync(place));
}

const installMs = 300_000;

type Way = readonly [command: string, ...args: string[]];

const playwright = join(createRequire(import.meta.url).resolve("playwright-core/package.json"), "../cli.js");
const ofPlaywright: Way = [process.execPath, playwright, "install", "chromium"];
const ofDebian: readonly Way[] = [
  ["apt-get", "update"],
  ["apt-get", "install", "-y", "--no-install-recommends", "chromium-headless-shell"],
];

/** Installs a browser; processes that ask at once install once. */
function installBrowser(): Promise<string> {
  const log = (line: string) => void process.stderr.write(`browser: ${line}\n`);
  const { signal } = new AbortController();
  const lock = join(tmpdir(), "org-db-browser.lock");
  return withLock(lock, "installing a browser", { log, signal }, async () => findBrowser() ?? install(log));
}

// Root, as in a container, may install packages, which bring the libraries that Playwright's own build lacks there.
function install(log: (line: string) => void): string {
  const ways = process.getuid?.() === 0 ? [...ofDebian, ofPlaywright] : [ofPlaywright];
  const tried: string[] = [];
  for (const [command, ...args] of ways) {
    log(`none found, trying ${command} ${args.join(" ")}`);
    const { status, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: installMs });
    tried.push(`${command}: ${status === 0 ? "done" : (stderr ?? "not there").trim().split("\n").at(-1)}`);
    const found = findBrowser();
    if (found) return found;
  }
  throw new Error(
    `No Chromium: install one (Debian: apt-get install chromium-headless-shell), or name its program in CHROMIUM. Tried ${tried.join("; ")}`,
  );
}
