import { createHmac } from "node:crypto";
import type { FastifyInstance, InjectOptions } from "fastify";
import { expect } from "vitest";
import { type Person, password, type Setting, someone } from "./support.js";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code that an authenticator app shows: RFC 6238 over RFC 4226, of a base 32 secret. */
export function codeOf(secret: string, at: Date, steps = 0): string {
  const bits = [...secret].map((char) => alphabet.indexOf(char).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at.getTime() / 30_000) + steps));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, "0");
}

/** Somebody with an authenticator app and recovery codes, in a session of both factors. */
export interface Enrolled extends Person {
  readonly secret: string;
  readonly codes: readonly string[];
  /** A code that was not used yet: time moves on by a step. */
  nextCode(): string;
}

/** Enrols by the routes, as a program does. */
export async function enrolled(setting: Setting, app: FastifyInstance): Promise<Enrolled> {
  const person = await someone(app);
  const post = (url: string, headers: InjectOptions["headers"], payload?: object) =>
    app.inject({ method: "POST", url, headers: headers ?? {}, ...(payload && { payload }) });
  const begun = await post("/v1/factors/totp", person.bearer);
  expect(begun.statusCode).toBe(201);
  const { secret } = begun.json();
  const code = codeOf(secret, setting.clock.now());
  const confirmed = await post("/v1/factors/totp/confirm", person.bearer, { code });
  expect(confirmed.statusCode).toBe(200);
  const { token } = confirmed.json();
  const bearer = { authorization: `Bearer ${token}` };
  const made = await post("/v1/factors/recovery-codes", bearer);
  expect(made.statusCode).toBe(201);
  const nextCode = () => {
    setting.clock.advance(30_000);
    return codeOf(secret, setting.clock.now());
  };
  return { ...person, token, bearer, secret, codes: made.json().codes, nextCode };
}

/** The first step of a sign-in as a program. */
export function begin(app: FastifyInstance, { email }: Pick<Person, "email">, headers = {}) {
  const payload = { identifier: email, password, delivery: "token" };
  return app.inject({ method: "POST", url: "/v1/sessions", payload, headers });
}

/** The second step. */
export function goOn(app: FastifyInstance, payload: object, headers = {}) {
  const url = "/v1/sessions/challenge";
  return app.inject({ method: "POST", url, payload: { delivery: "token", ...payload }, headers });
}
