import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration } from "oidc-provider";
import { afterAll, beforeAll } from "vitest";

/** Somebody at the provider. */
export interface Claims {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly name?: string;
}

/** A provider that nobody here made (oidc-provider), on loopback, whose people sign in as they are told. */
export interface TestProvider {
  readonly issuer: string;
  /** Who signs in next; `undefined` is somebody who cancels. */
  person: Claims | undefined;
  /** Follows an authorization request as a browser does, up to the answer that leads back. */
  authorize(url: string): Promise<string>;
}

const clientId = "identity";
export const client = { clientId, clientSecret: "a secret of the client at the provider" };

/** @param changed - configuration; by default the id token has the claims of every scope, as that of Google has. */
export function useProvider(
  redirectUris: readonly string[],
  changed: Partial<Configuration> = { conformIdTokenClaims: false },
): TestProvider {
  let server: Server;
  let issuer = "";
  const people = new Map<string, Claims>();
  const made: TestProvider = {
    get issuer() {
      return issuer;
    },
    person: undefined,
    authorize: (url) => follow(url, issuer),
  };
  beforeAll(async () => {
    server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const configuration: Configuration = {
      clients: [
        {
          client_id: clientId,
          client_secret: client.clientSecret,
          redirect_uris: [...redirectUris],
          response_types: ["code"],
          grant_types: ["authorization_code"],
        },
      ],
      pkce: { required: () => true },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      ...changed,
      features: { devInteractions: { enabled: false } },
      cookies: { keys: ["a key of the tests"] },
      findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...people.get(sub), sub }) }),
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    };
    const provider = new Provider(issuer, configuration);
    const answer = provider.callback();
    server.on("request", (request, response) => {
      if (!request.url?.startsWith("/interaction/")) return void answer(request, response);
      void finishInteraction(provider, made, people, request, response);
    });
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return made;
}

type Finish = Parameters<Provider["interactionFinished"]>;

/** Signs in, or cancels, and consents to all that was asked for. */
async function finishInteraction(
  provider: Provider,
  { person }: TestProvider,
  people: Map<string, Claims>,
  request: Finish[0],
  response: Finish[1],
): Promise<void> {
  const details = await provider.interactionDetails(request, response);
  if (!person) {
    const error = { error: "access_denied", error_description: "the person said no" };
    return provider.interactionFinished(request, response, error);
  }
  people.set(person.sub, person);
  if (details.prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: person.sub } });
  }
  const grant = new provider.Grant({ accountId: person.sub, clientId: String(details.params.client_id) });
  grant.addOIDCScope(String(details.params.scope));
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

/** Redirects within the provider, with its cookies. */
async function follow(begin: string, issuer: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = begin;
  for (let hops = 0; hops < 20 && url.startsWith(issuer); hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const one of answer.headers.getSetCookie()) {
      const [pair = ""] = one.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    const location = answer.headers.get("location");
    if (!location) throw new Error(`the provider answered ${answer.status}: ${await answer.text()}`);
    url = new URL(location, url).href;
  }
  return url;
}
