import { fastifyCookie } from "@fastify/cookie";
import type { FastifyReply, FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions, ServiceSettings } from "../service.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The token in the session cookie. */
    sessionCookie(): string | undefined;
  }
  interface FastifyReply {
    /** Hands the token to a browser, until the session's idle expiry. */
    setSessionCookie(token: string, expires: Date): void;
    dropSessionCookie(): void;
  }
}

/** The cookie's name. Browsers take `__Host-` only from this very host, over TLS, for the whole of it. */
export function cookieName({ insecureCookies }: Pick<ServiceSettings, "insecureCookies">): string {
  return insecureCookies ? "session" : "__Host-session";
}

/** The session cookie: out of reach of scripts, and gone when the session is. */
export const sessionCookie = fastifyPlugin<ServiceOptions>(
  async (app, { service }) => {
    await app.register(fastifyCookie);
    const name = cookieName(service.settings);
    const attributes = {
      path: "/",
      httpOnly: true,
      sameSite: "lax",
      secure: !service.settings.insecureCookies,
    } as const;
    app.decorateRequest("sessionCookie", function (this: FastifyRequest) {
      return this.cookies[name];
    });
    app.decorateReply("setSessionCookie", function (this: FastifyReply, token: string, expires: Date) {
      // Max-Age counts from now, whatever the client's clock says (RFC 6265 section 5.3: it goes before Expires).
      const maxAge = Math.max(0, Math.ceil((expires.getTime() - service.clock.now().getTime()) / 1_000));
      this.setCookie(name, token, { ...attributes, expires, maxAge });
    });
    app.decorateReply("dropSessionCookie", function (this: FastifyReply) {
      this.clearCookie(name, attributes);
    });
  },
  { name: "session-cookie" },
);
