import type { FastifyInstance, LightMyRequestResponse } from "fastify";

const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** Somebody with a browser: keeps cookies, sends forms as the page has them, and what browsers send with them. */
export class Visitor {
  readonly app: FastifyInstance;
  readonly cookies = new Map<string, string>();
  readonly headers: Record<string, string>;

  constructor(app: FastifyInstance, headers: Record<string, string> = {}) {
    this.app = app;
    this.headers = { host: "id.example.com", "user-agent": agent, ...headers };
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
    return this.#keep(
      await this.app.inject({ method: "GET", url, headers: { ...this.#sent(), ...headers } }),
    );
  }

  /** Sends a form with the token of the page that it stands on. */
  async send(
    url: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    const page = await this.get(url);
    return this.post(url, { form_token: formToken(page.body), ...fields }, headers);
  }

  async post(
    url: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    return this.#keep(
      await this.app.inject({
        method: "POST",
        url,
        payload: new URLSearchParams(fields).toString(),
        headers: {
          ...this.#sent(),
          "content-type": "application/x-www-form-urlencoded",
          "sec-fetch-site": "same-origin",
          origin: "https://id.example.com",
          ...headers,
        },
      }),
    );
  }

  #sent(): Record<string, string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return { ...this.headers, ...(cookie && { cookie }) };
  }

  #keep(response: LightMyRequestResponse): LightMyRequestResponse {
    for (const { name, value, maxAge } of response.cookies) {
      if (maxAge === 0) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}

/** The token of the first form of a page. */
export const formToken = (html: string): string => /name="form_token" value="([^"]*)"/.exec(html)?.[1] ?? "";

/** The secret that a page shows, without the spaces between its groups. */
export const secretIn = (html: string): string =>
  (/<code class="secret">([^<]*)<\/code>(?!.*<code class="secret">)/s.exec(html)?.[1] ?? "").replaceAll(
    " ",
    "",
  );

/** What a page says, without its style and script. */
export const textOf = (html: string): string =>
  html
    .replace(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, "")
    // A place where a line may break parts no word.
    .replace(/<wbr\s*\/?>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
