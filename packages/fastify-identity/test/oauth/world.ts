import { createHash, randomBytes } from "node:crypto";
import type { AppRegistration, RegisteredApp } from "@org/db-models";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { Types } from "mongoose";
import { formToken, Visitor } from "../pages/visitor.js";
import { issuer, password, type Setting } from "../support.js";

export const redirectUri = "https://app.example.com/callback";

/** An app of somebody's, and what it knows. */
export interface Client extends RegisteredApp {
  readonly clientId: string;
}

export async function makeClient(
  { identity }: Setting,
  changes: Partial<AppRegistration & { ownerId: Types.ObjectId }> = {},
): Promise<Client> {
  const registered = await identity.oauth.registerApp({
    ownerId: new Types.ObjectId(),
    name: "Notes",
    type: "confidential",
    redirectUris: [redirectUri],
    scopes: ["openid", "profile", "email", "offline_access", "notes"],
    ...changes,
  } as AppRegistration & { ownerId: Types.ObjectId });
  return { ...registered, clientId: registered.app.clientId };
}

let people = 0;

/** Somebody with an account and a browser in which nobody is signed in. */
export async function makeVisitor({ identity }: Setting, app: FastifyInstance) {
  people += 1;
  const email = `visitor${people}@example.com`;
  const { _id: userId } = await identity.users.register({
    email,
    password,
    displayName: `Visitor ${people}`,
  });
  return { email, userId, visitor: new Visitor(app) };
}

export const signIn = (visitor: Visitor, email: string, url = "/account/sign-in") =>
  visitor.send(url, { identifier: email, password });

export const newVerifier = () => randomBytes(32).toString("base64url");
const challengeOf = (verifier: string) => createHash("sha256").update(verifier).digest("base64url");

/** The address of an authorization request. */
export function authorizeUrl(
  { clientId }: Client,
  changes: Record<string, string | undefined> = {},
  verifier = "v".repeat(43),
): string {
  const parameters = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: "code",
    scope: "openid",
    state: "a state",
    code_challenge: challengeOf(verifier),
    code_challenge_method: "S256",
    ...changes,
  };
  const given = Object.entries(parameters).filter((one): one is [string, string] => one[1] !== undefined);
  return `/oauth/authorize?${new URLSearchParams(given)}`;
}

/** The address that a page goes on to by itself, or a redirect leads to. */
export function target(response: LightMyRequestResponse): string {
  const { location } = response.headers;
  if (typeof location === "string") return location;
  const [, refresh = ""] = /http-equiv="refresh" content="0; url=([^"]*)"/.exec(response.body) ?? [];
  return refresh.replaceAll("&amp;", "&");
}

/** The parameters of the answer that a response carries to the client. */
export const answerIn = (response: LightMyRequestResponse): Record<string, string> =>
  Object.fromEntries(new URL(target(response)).searchParams);

/** Path and query of an address of ours. */
export const ours = (address: string): string => address.replace(issuer, "");

/** Goes through whatever the provider asks, as somebody who agrees; ends with the answer at the client. */
export async function agree(visitor: Visitor, email: string, url: string): Promise<LightMyRequestResponse> {
  let response = await visitor.get(url);
  for (let step = 0; step < 12; step++) {
    const to = target(response);
    if (to && !to.startsWith("/") && !to.startsWith(issuer)) return response;
    const path = to ? ours(to) : (response.raw.req.url ?? "");
    if (to && !/\/(sign-in|confirm)\b/.test(to)) response = await visitor.get(path);
    else if (to.includes("/sign-in")) response = await signIn(visitor, email, path);
    else if (to.includes("/confirm")) response = await visitor.send(path, { password });
    else response = await visitor.post(path, { form_token: formToken(response.body), decision: "allow" });
  }
  throw new Error(`no answer: ${response.statusCode} ${response.body.slice(0, 200)}`);
}

/** A `fetch` whose requests the app answers without a network. */
export function fetchOf(app: FastifyInstance): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const payload = Buffer.from(await request.arrayBuffer());
    const response = await app.inject({
      method: request.method as "GET",
      url: pathname + search,
      headers: { host: new URL(request.url).host, ...Object.fromEntries(request.headers) },
      ...(payload.length > 0 && { payload }),
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(response.headers)) {
      for (const one of [value].flat()) if (one !== undefined) headers.append(name, String(one));
    }
    const hasBody = ![204, 304].includes(response.statusCode);
    return new Response(hasBody ? new Uint8Array(response.rawPayload) : null, {
      status: response.statusCode,
      headers,
    });
  };
}

/** Asks an endpoint as a program does. */
export function post(
  app: FastifyInstance,
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: "POST",
    url: path,
    payload: new URLSearchParams(fields).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
  });
}

/** Exchanges a code that an {@link authorizeUrl} without a verifier of its own has led to. */
export async function redeem(app: FastifyInstance, client: Client, code = "") {
  const fields = { code, redirect_uri: redirectUri, code_verifier: "v".repeat(43) };
  const request = { ...credentials(client), grant_type: "authorization_code", ...fields };
  return (await post(app, "/oauth/token", request)).json();
}

/** The credentials of a client, for the body. */
export const credentials = ({ clientId, clientSecret }: Client): Record<string, string> => ({
  client_id: clientId,
  ...(clientSecret !== undefined && { client_secret: clientSecret }),
});
