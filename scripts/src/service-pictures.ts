import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startEngine } from "@org/dev-kit";
import { codeOf } from "@org/dev-kit/authenticator-app";
import type { openBrowser } from "@org/dev-kit/browser";
import { freePort } from "@org/dev-kit/free-port";
import { databaseUri, root } from "./engine.js";

type Browser = Awaited<ReturnType<typeof openBrowser>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;

const userAgent =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/** Pictures of the pages as `npm start` shows them on new demo data, in `folder`: `front`, `usage`, `api-keys`,
 * `admin`. */
export async function takeServicePictures(browser: Browser, folder: string): Promise<void> {
  const engine = await startEngine({ prefer: "quick", log: (line) => console.error(`engine: ${line}`) });
  const port = await freePort();
  const service = spawn(process.execPath, ["scripts/run.mjs", "start"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      PORT: String(port),
      MONGODB_URI: databaseUri(engine),
      ORG_API_SEAL_KEYS: `pictures=${randomBytes(48).toString("base64")}`,
    },
  });
  try {
    const origin = `http://localhost:${port}`;
    for await (const line of createInterface({ input: service.stdout })) if (line.startsWith("open ")) break;
    service.stdout.resume();
    const open = async (colorScheme: "light" | "dark") => {
      const size = { width: 1_100, height: 760 };
      const context = await browser.newContext({ viewport: size, colorScheme, userAgent, baseURL: origin });
      return context.newPage();
    };
    const keep = (tab: Page, name: string) => tab.screenshot({ path: join(folder, `${name}.png`) });

    const user = await open("light");
    await user.goto("/");
    await keep(user, "front");
    await user.getByRole("button", { name: "demo@example.com" }).click();
    await user.waitForURL("**/account");
    await user.goto("/account/usage");
    await keep(user, "usage");
    await user.goto("/account/api-keys");
    await keep(user, "api-keys");

    const administrator = await open("dark");
    await administrator.goto("/");
    await administrator.getByRole("button", { name: "admin@example.com" }).click();
    await administrator.waitForURL("**/account");
    await administrator.goto("/admin");
    await enrol(administrator);
    await administrator.goto("/admin/users");
    await keep(administrator, "admin");
  } finally {
    service.kill();
    if (service.exitCode === null) await once(service, "exit");
    await engine.stop();
  }
}

/** Sets an authenticator app up, as the admin area asks for. */
async function enrol(tab: Page): Promise<void> {
  await tab.getByRole("button", { name: "Set up" }).click();
  const key = (await tab.getByText(/^[A-Z2-7]{4}( [A-Z2-7]{4})+$/).textContent()) ?? "";
  await tab.fill("[name=code]", codeOf(key.replaceAll(" ", ""), new Date()));
  await tab.getByRole("button", { name: "Turn on" }).click();
  await tab.waitForLoadState();
}
