import { codeOf } from "@org/dev-kit/authenticator-app";
import type { FastifyInstance, InjectOptions } from "fastify";
import { Types } from "mongoose";
import { expect } from "vitest";
import { type Person, password, type Setting, someone } from "./support.js";

/** Somebody with an authenticator app and recovery codes, in a session of both factors. */
export interface Enrolled extends Person {
  readonly secret: string;
  readonly codes: readonly string[];
  /** A code that was not used yet: time moves on by a step. */
  nextCode(): string;
}

/** An authenticator app as it is stored, whose secret nobody knows. */
export const unknownTotp = () => ({
  id: new Types.ObjectId(),
  keyId: "unknown",
  sealedText: "unknown",
  usedSteps: [],
  confirmedAt: new Date(0),
  lastUsedAt: new Date(0),
});

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
