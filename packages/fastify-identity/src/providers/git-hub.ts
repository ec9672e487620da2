import * as client from "openid-client";
import { z } from "zod";
import { type IdentityProvider, ProviderError, type ProviderProfile } from "../flows/sign-in/providers.js";
import { checkClient, grant, isLocalHttp, type ProviderOptions, requestOf } from "./open-id.js";

export interface GitHubOptions extends ProviderOptions {
  /** Of GitHub Enterprise Server: its address. Default: github.com. */
  readonly url?: string;
  /** Address of its API. Default: api.github.com, or `<url>/api/v3`. */
  readonly apiUrl?: string;
}

const userSchema = z.object({ id: z.int(), name: z.string().nullish(), login: z.string() });
const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/**
 * Sign in with GitHub, which has OAuth and no id token: somebody is their numeric id, as names are given to others again;
 * the address is the primary one if GitHub has verified it.
 * https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
export function gitHubProvider(options: GitHubOptions): IdentityProvider {
  checkClient(options);
  const { id = "github", name = "GitHub", createsAccounts = true, url = "https://github.com" } = options;
  const base = url.replace(/\/$/, "");
  const api = options.apiUrl ?? (base === "https://github.com" ? "https://api.github.com" : `${base}/api/v3`);
  const config = configurationOf(options, base);
  return {
    id,
    name,
    createsAccounts,
    trustsEmail: true,
    begin: async (attempt) =>
      client.buildAuthorizationUrl(config, { ...(await requestOf(attempt)), scope: "read:user user:email" }),
    finish: async (answer, { state, codeVerifier }) => {
      const checks = { pkceCodeVerifier: codeVerifier, expectedState: state, idTokenExpected: false };
      const { access_token: token } = await grant(config, answer, checks);
      return profileOf(
        base,
        await read(config, token, `${api}/user`),
        await read(config, token, `${api}/user/emails`),
      );
    },
  };
}

function configurationOf({ clientId, clientSecret, timeoutMs = 10_000 }: GitHubOptions, base: string) {
  const metadata = {
    issuer: `${base}/login/oauth`,
    authorization_endpoint: `${base}/login/oauth/authorize`,
    token_endpoint: `${base}/login/oauth/access_token`,
  };
  const config = new client.Configuration(
    metadata,
    clientId,
    undefined,
    client.ClientSecretPost(clientSecret),
  );
  config.timeout = timeoutMs / 1_000;
  if (isLocalHttp(new URL(base))) client.allowInsecureRequests(config);
  return config;
}

async function read(config: client.Configuration, token: string, url: string): Promise<unknown> {
  try {
    const headers = new Headers({ accept: "application/vnd.github+json" });
    const answer = await client.fetchProtectedResource(config, token, new URL(url), "GET", null, headers);
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    return await answer.json();
  } catch (cause) {
    throw new ProviderError("failed", { cause });
  }
}

function profileOf(issuer: string, user: unknown, emails: unknown): ProviderProfile {
  const parsed = z.tuple([userSchema, emailsSchema]).safeParse([user, emails]);
  if (!parsed.success) throw new ProviderError("failed", { cause: parsed.error });
  const [{ id, name, login }, addresses] = parsed.data;
  const email = addresses.find(({ primary, verified }) => primary && verified)?.email;
  return {
    issuer,
    subject: String(id),
    email,
    emailVerified: email !== undefined,
    displayName: name ?? login,
  };
}
