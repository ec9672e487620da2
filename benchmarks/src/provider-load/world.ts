import { randomBytes } from "node:crypto";
import type { AppRegistration, Identity } from "@org/db-models";
import type { Types } from "mongoose";

export const redirectUri = "https://app.example.com/callback";

/** Sends what clients ask of the issuer to the instances in turn, as a load balancer does. */
export class Balancer {
  readonly #addresses: readonly string[];
  #turn = 0;
  /** Requests that were answered. */
  answered = 0;

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  readonly fetch = async (url: string, options: RequestInit = {}): Promise<Response> => {
    const { pathname, search } = new URL(url);
    this.#turn += 1;
    const address = this.#addresses[this.#turn % this.#addresses.length];
    const response = await fetch(`${address}${pathname}${search}`, { ...options, redirect: "manual" });
    this.answered += 1;
    return response;
  };
}

export interface World {
  readonly identity: Identity;
  readonly issuer: string;
  readonly balancer: Balancer;
}

/** An answer that is not the right one. */
class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

export function expectThat(what: string, isRight: boolean, found?: unknown): void {
  if (!isRight) throw new WrongAnswer(`${what}: ${JSON.stringify(found)?.slice(0, 300)}`);
}

/** What a client throws that was refused, by its OAuth error code. */
export async function expectRefusal(what: string, code: string, act: () => Promise<unknown>): Promise<void> {
  const found = await act().then(
    () => "granted",
    (error: { error?: string; message: string }) => error.error ?? error.message,
  );
  expectThat(what, found === code, found);
}

export interface Person {
  readonly userId: Types.ObjectId;
  /** The session of their browser. */
  readonly cookie: string;
}

const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const password = "correct horse battery staple";

/** Somebody who is signed in, in a browser. */
export async function makePerson({ identity, issuer, balancer }: World): Promise<Person> {
  const email = `${randomBytes(8).toString("hex")}@example.com`;
  const { _id: userId } = await identity.users.register({ email, password });
  const answer = await balancer.fetch(`${issuer}/v1/sessions`, {
    method: "POST",
    headers: { ...browser, "content-type": "application/json" },
    body: JSON.stringify({ identifier: email, password }),
  });
  const cookies = answer.headers.getSetCookie().map((one) => one.split(";")[0]);
  expectThat("a sign-in", answer.status === 201 && cookies.length > 0, await answer.text());
  return { userId, cookie: cookies.join("; ") };
}

export interface RegisteredClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** An app to which a person has agreed. */
export async function makeClient(
  { identity }: World,
  ownerId: Types.ObjectId,
  changes: Partial<AppRegistration>,
): Promise<RegisteredClient> {
  const { app, clientSecret = "" } = await identity.oauth.registerApp({
    ownerId,
    name: "Load",
    type: "confidential",
    redirectUris: [redirectUri],
    scopes: ["openid", "email", "offline_access", "notes"],
    ...changes,
  } as AppRegistration & { ownerId: Types.ObjectId });
  await identity.oauth.grantConsent({ userId: ownerId, appId: app._id, scopes: app.scopes });
  return { clientId: app.clientId, clientSecret };
}

/** Opens an authorization request in the person's browser; the address at which the app gets its answer. */
export async function authorizeAt(world: World, { cookie }: Person, url: URL): Promise<URL> {
  const answer = await world.balancer.fetch(url.href, { headers: { ...browser, cookie } });
  const location = answer.headers.get("location") ?? "";
  expectThat("an authorization", location.startsWith(redirectUri), { status: answer.status, location });
  return new URL(location);
}
