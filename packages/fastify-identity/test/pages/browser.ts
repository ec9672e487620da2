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
    "nav.apps": "التطبيقات",
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

/** A window in which a page that is open is looked at. */
interface View {
  readonly name: string;
  readonly scheme: "light" | "dark";
  readonly size: { readonly width: number; readonly height: number };
}

interface Form {
  readonly name: string;
  /** Of the browser, and of the account. */
  readonly language: string;
  /** One after the other, without loading the page again. */
  readonly views: readonly [View, ...View[]];
}

const wide = { width: 1_280, height: 900 };

const leftToRight: Form = {
  name: "from left to right",
  language: "en",
  views: [
    { name: "light", scheme: "light", size: wide },
    { name: "dark", scheme: "dark", size: wide },
    { name: "phone", scheme: "light", size: { width: 360, height: 740 } },
  ],
};

/** The forms in which each page is looked at. */
export const forms: readonly Form[] = [
  leftToRight,
  { name: "from right to left", language: "ar", views: [{ name: "rtl", scheme: "light", size: wide }] },
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

/** Faults of a page that no design excuses, in each view of a form; keeps a picture of each. */
export async function faultsOf(tab: Tab, name: string, { views } = leftToRight): Promise<string[]> {
  const faults: string[] = [];
  // The policy of the page lets no other script in; the tools of a developer are none of its scripts.
  await tab.evaluate(axe.source);
  for (const view of views) {
    await show(tab, view);
    await keepPicture(tab, `${name}-${view.name}`);
    const { overflow, faint } = await measureTab(tab);
    const found = [
      ...(overflow > 0 ? [`wider than the window by ${overflow} pixels`] : []),
      ...faint,
      ...(await violations(tab, view === views[0] ? undefined : rulesOfLooks)),
    ];
    faults.push(...found.map((fault) => `${name}-${view.name}: ${fault}`));
  }
  if (views.length > 1) await show(tab, views[0]);
  return faults;
}

async function show(tab: Tab, { scheme, size }: View): Promise<void> {
  // Colours change at once, not by a transition.
  await tab.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  await tab.setViewportSize(size);
}

/** What another scheme or width can change; the document stays the same. */
const rulesOfLooks = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"];

/** What axe finds against WCAG 2.2 A and AA, and its best practices, or against some of these rules. */
function violations(tab: Tab, only?: readonly string[]): Promise<string[]> {
  return tab.evaluate(
    async (rules) => {
      interface Found {
        id: string;
        nodes: { html: string; failureSummary: string }[];
      }
      const run = (
        globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Found[] }> } }
      ).axe.run;
      const all = { rules: { "target-size": { enabled: true } } };
      const { violations } = await run({
        ...(rules ? { runOnly: rules } : all),
        resultTypes: ["violations"],
      });
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
      );
    },
    only ? [...only] : undefined,
  );
}
