const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const maxHops = 20;

/** A page, or what a browser was answered instead of one. */
export interface ShownPage {
  readonly url: string;
  readonly status: number;
  readonly html: string;
}

/** A browser without script: keeps cookies, follows redirects and refreshes, and sends the forms of pages. */
export class FormBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();

  /**
   * Opens an address.
   *
   * @param stop - addresses that are not opened, such as the redirect URI of an app that nobody serves.
   */
  async open(url: string, stop: (url: string) => boolean = () => false): Promise<ShownPage> {
    return this.#load(new Request(url), stop);
  }

  /** Sends the first form of a page that has all of these fields, with its hidden ones. */
  async send(
    page: ShownPage,
    fields: Readonly<Record<string, string>>,
    stop: (url: string) => boolean = () => false,
  ): Promise<ShownPage> {
    const form = formsOf(page).find(({ names }) => Object.keys(fields).every((name) => names.has(name)));
    if (!form) throw new Error(`${page.url} has no form with ${Object.keys(fields).join(", ")}`);
    const body = new URLSearchParams({ ...form.hidden, ...fields });
    const headers = { origin: new URL(page.url).origin, "sec-fetch-site": "same-origin" };
    return this.#load(new Request(form.action, { method: "POST", body, headers }), stop);
  }

  /** The cookies of an origin, as `name=value`. */
  cookiesOf(origin: string): string[] {
    return [...(this.#cookies.get(new URL(origin).host) ?? [])].map((pair) => pair.join("="));
  }

  async #load(first: Request, stop: (url: string) => boolean): Promise<ShownPage> {
    let request = first;
    for (let hop = 0; hop < maxHops; hop++) {
      if (stop(request.url)) return { url: request.url, status: 0, html: "" };
      const response = await this.#fetch(request);
      const html = await response.text();
      const next = response.headers.get("location") ?? refreshOf(html);
      const page = { url: request.url, status: response.status, html };
      if (next !== undefined) request = new Request(new URL(next, request.url));
      else return page;
    }
    throw new Error(`${first.url} leads on without end`);
  }

  async #fetch(request: Request): Promise<Response> {
    const { host } = new URL(request.url);
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    request.headers.set("user-agent", userAgent);
    if (jar.size > 0) request.headers.set("cookie", [...jar].map((pair) => pair.join("=")).join("; "));
    const response = await fetch(request, { redirect: "manual" });
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value && !/; *max-age=0\b/i.test(set)) jar.set(name, value);
      else jar.delete(name);
    }
    return response;
  }
}

/**
 * A person whom an app has sent to the identity service: signs in, proves again who they are, and agrees, until
 * the browser is at the app again.
 */
export async function signInAndAgree(
  browser: FormBrowser,
  url: string,
  { email, password }: { email: string; password: string },
  isApp: (url: string) => boolean,
): Promise<ShownPage> {
  const answers: Readonly<Record<string, string>>[] = [
    { identifier: email, password },
    { password },
    { decision: "allow" },
  ];
  let page = await browser.open(url, isApp);
  for (let step = 0; step < maxHops && !isApp(page.url); step++) {
    const shown = page;
    const answer = answers.find((fields) =>
      formsOf(shown).some(({ names }) => Object.keys(fields).every((name) => names.has(name))),
    );
    if (!answer)
      throw new Error(`nothing to answer at ${page.url}: ${page.status} ${page.html.slice(0, 500)}`);
    page = await browser.send(page, answer, isApp);
  }
  return page;
}

interface ReadForm {
  readonly action: string;
  readonly names: ReadonlySet<string>;
  readonly hidden: Readonly<Record<string, string>>;
}

function formsOf({ html, url }: ShownPage): ReadForm[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes = "", content = ""]) => {
    const inputs = [...content.matchAll(/<(?:input|button|textarea|select)\b([^>]*)>/g)].map(
      ([, of = ""]) => of,
    );
    const hidden = inputs
      .filter((input) => attribute(input, "type") === "hidden")
      .map((input): [string, string] => [attribute(input, "name") ?? "", attribute(input, "value") ?? ""]);
    return {
      action: new URL(attribute(attributes, "action") ?? url, url).href,
      names: new Set(inputs.map((input) => attribute(input, "name") ?? "")),
      hidden: Object.fromEntries(hidden),
    };
  });
}

function attribute(text: string, name: string): string | undefined {
  const [, value] = new RegExp(`\\b${name}="([^"]*)"`).exec(text) ?? [];
  return value === undefined ? undefined : unescaped(value);
}

/** Where a page goes on to by itself. */
function refreshOf(html: string): string | undefined {
  const [, url] = /http-equiv="refresh" content="0; url=([^"]*)"/.exec(html) ?? [];
  return url === undefined ? undefined : unescaped(url);
}

const unescaped = (text: string): string =>
  text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
