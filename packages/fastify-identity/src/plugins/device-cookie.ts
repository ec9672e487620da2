import type { FastifyReply, FastifyRequest } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import type { ServiceOptions } from "../service.js";

declare module "fastify" {
  interface FastifyRequest {
    /** What the device was given at an earlier sign-in. */
    deviceCookie(): string | undefined;
  }
  interface FastifyReply {
    setDeviceCookie(value: string): void;
  }
}

/** As long as browsers keep a cookie at most. */
const maxAgeSeconds = 400 * 86_400;
/** A value of ours has 43 characters; a longer one is nobody's. */
const maxLength = 64;

/**
 * The device cookie: it outlives sessions and opens none. An account that was signed in to with it lets its device in
 * while somebody else's guesses are delayed.
 */
export const deviceCookie = fastifyPlugin<ServiceOptions>(
  (app, { service }, done) => {
    const secure = !service.settings.insecureCookies;
    const name = secure ? "__Host-device" : "device";
    const attributes = { path: "/", httpOnly: true, sameSite: "lax", secure, maxAge: maxAgeSeconds } as const;
    app.decorateRequest("deviceCookie", function (this: FastifyRequest) {
      const value = this.cookies[name];
      return value && value.length <= maxLength ? value : undefined;
    });
    app.decorateReply("setDeviceCookie", function (this: FastifyReply, value: string) {
      this.setCookie(name, value, attributes);
    });
    done();
  },
  { name: "device-cookie", dependencies: ["session-cookie"] },
);
