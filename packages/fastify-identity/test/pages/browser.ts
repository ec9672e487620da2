import { keepPicture, measureTab, openBrowser } from "@org/dev-kit/browser";
import { freePort } from "@org/dev-kit/free-port";
import axe from "axe-core";
import { type FastifyInstance, fastify } from "fastify";
import type { Browser, BrowserContext, BrowserContextOptions, Page as Tab } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { type Catalogue, type IdentityPluginOptions, identityPlugin } from "../../src/index.js";
import type { Setting } from "../support.js";

/** Arabic for what people see first; the rest shows that an untranslated text is marked as English. */
const arabic: Catalogue = {
  lang: "ar",
  dir: "rtl",
  messages: {
    "sign_in.title": "تسجيل الدخول",
    "sign_in.submit": "تسجيل الدخول",
    "sign_in.forgotten": "هل نسيت كلمة المرور؟",
    "sign_in.no_account": "ليس لديك حساب بعد؟",
    "sign_in.sign_up": "إنشاء حساب",
    "field.identifier": "البريد الإلكتروني أو اسم المستخدم",
    "field.password": "كلمة المرور",
    "field.email": "البريد الإلكتروني",
    "field.display_name": "الاسم",
    "form.optional": "(اختياري)",
    "form.show_password": "إظهار كلمة المرور",
    "form.hide_password": "إخفاء كلمة المرور",
    "form.summary": "هناك مشكلة",
    "sign_up.title": "إنشاء حساب جديد",
    "sign_up.submit": "إنشاء الحساب",
    "sign_up.hint": "‏{min} حرفًا على الأقل. بضع كلمات يسهل تذكرها.",
    "sign_up.have_account": "هل لديك حساب؟",
    "sign_up.sign_in": "تسجيل الدخول",
    "nav.profile": "الملف الشخصي",
    "nav.security": "الأمان",
    "nav.keys": "مفاتيح الواجهة",
    "nav.activity": "النشاط",
    "nav.usage": "الاستخدام",
    "nav.data": "بياناتك",
    "nav.sign_out": "تسجيل الخروج",
    "security.title": "الأمان",
    "security.sessions": "الأجهزة التي سجلت الدخول منها",
    "security.session_here": "هذه الجلسة",
    "security.session_end": "إنهاء الجلسة",
    "security.session_not_mine": "لم أكن أنا",
    "usage.title": "الاستخدام",
    "usage.requests": "الطلبات",
    "usage.failures": "الفاشلة",
    "usage.sign_ins": "مرات تسجيل الدخول",
    "problem.bad_credentials": "البريد أو كلمة المرور غير صحيحة.",
  },
};

interface Forms {
  readonly name: string;
  readonly options: BrowserContextOptions;
  /** Language of the account. */
  readonly language: string;
}

const wide = { width: 1_280, height: 900 };

/** The four forms in which each page is looked at. */
export const forms: readonly Forms[] = [
  { name: "light", options: { viewport: wide, colorScheme: "light" }, language: "en" },
  { name: "dark", options: { viewport: wide, colorScheme: "dark" }, language: "en" },
  { name: "phone", options: { viewport: { width: 360, height: 740 }, colorScheme: "light" }, language: "en" },
  { name: "rtl", options: { viewport: wide, colorScheme: "light", locale: "ar" }, language: "ar" },
];

/** An app on loopback with its pages, and Chromium. */
export function useBrowser(setting: Setting, given?: number, changed: Partial<IdentityPluginOptions> = {}) {
  let browser: Browser;
  let app: FastifyInstance;
  let origin = "";
  const contexts: BrowserContext[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
    app = fastify();
    // The issuer has to be known before it listens.
    const port = given ?? (await freePort());
    origin = `http://localhost:${port}`;
    const pages = { messages: [arabic], theme: { name: "Acme" } };
    await app.register(identityPlugin, setting.options({ issuer: origin, pages, ...changed }));
    app.get("/orders", { config: { identity: "session" } }, () => "your orders");
    await app.listen({ port, host: "127.0.0.1" });
  });
  afterAll(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    await browser?.close();
    await app?.close();
  });
  return {
    get origin() {
      return origin;
    },
    get app() {
      return app;
    },
    context: async (options: BrowserContextOptions = {}): Promise<BrowserContext> => {
      const context = await browser.newContext({ baseURL: origin, ...options });
      contexts.push(context);
      return context;
    },
  };
}

/** Goes on by keyboard until what matches has the focus. */
export async function tabTo(tab: Tab, selector: string): Promise<void> {
  await tab.waitForSelector(selector);
  for (let presses = 0; presses < 12; presses += 1) {
    await tab.keyboard.press("Tab");
    if (await tab.locator(selector).evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`${selector} was not reached`);
}

/** Faults of a page that no design excuses; keeps a picture of it. */
export async function faultsOf(tab: Tab, name: string): Promise<string[]> {
  await keepPicture(tab, name);
  const { overflow, faint } = await measureTab(tab);
  const faults = [
    ...(overflow > 0 ? [`wider than the window by ${overflow} pixels`] : []),
    ...faint,
    ...(await violations(tab)),
  ];
  return faults.map((fault) => `${name}: ${fault}`);
}

/** What axe finds against WCAG 2.2 A and AA, and its best practices. */
async function violations(tab: Tab): Promise<string[]> {
  // The policy of the page lets no other script in; the tools of a developer are none of its scripts.
  await tab.evaluate(axe.source);
  return tab.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run(): Promise<{ violations: Found[] }> } }).axe.run;
    interface Found {
      id: string;
      nodes: { html: string; failureSummary: string }[];
    }
    const { violations } = await run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
  });
}
