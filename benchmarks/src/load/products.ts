// The requests of the load, for each product.

/** The operations of the load. */
export const operations = ["check", "refresh", "apiKey", "signIn", "settings", "revoke"] as const;
export type Operation = (typeof operations)[number];

/** A request, and the status that its success has. */
export interface LoadRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly success: number;
}

export interface LoadResponse {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** An account that the load signs in to. */
export interface LoadAccount {
  readonly email: string;
  readonly password: string;
}

/** How a product is asked. `token` is whatever stands for a session. */
export interface Product {
  /** Share of each operation; what a product does not have is a check instead. */
  readonly shares: Readonly<Record<Operation, number>>;
  check(token: string): LoadRequest;
  refresh(token: string): LoadRequest;
  apiKey(key: string): LoadRequest;
  signIn(account: LoadAccount): LoadRequest;
  /** Sets a field of the profile. */
  settings(token: string, value: string): LoadRequest;
  readSettings(token: string): LoadRequest;
  revoke(token: string): LoadRequest;
  /** The session that an answer hands out. */
  tokenOf(response: LoadResponse): string;
  /** Whether a check says that the session is live; `undefined` for an answer that says neither. */
  isLive(response: LoadResponse): boolean | undefined;
}

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const bearer = (token: string) => ({ authorization: `Bearer ${token}`, "user-agent": browser });

/** The plugin: its own routes, and two of an app behind its guards. */
export const ours: Product = {
  shares: { check: 0.9, refresh: 0.05, apiKey: 0.03, signIn: 0.01, settings: 0.005, revoke: 0.005 },
  check: (token) => ({ method: "GET", path: "/", headers: bearer(token), success: 200 }),
  refresh: (token) => ({
    method: "POST",
    path: "/v1/session/refresh",
    headers: bearer(token),
    success: 200,
  }),
  apiKey: (key) => ({ method: "GET", path: "/metered", headers: { "x-api-key": key }, success: 200 }),
  signIn: ({ email, password }) => ({
    method: "POST",
    path: "/v1/sessions",
    headers: { "user-agent": browser },
    body: { identifier: email, password, delivery: "token" },
    success: 201,
  }),
  settings: (token, company) => ({
    method: "PATCH",
    path: "/v1/profile",
    headers: bearer(token),
    body: { company },
    success: 200,
  }),
  readSettings: (token) => ({ method: "GET", path: "/v1/profile", headers: bearer(token), success: 200 }),
  revoke: (token) => ({ method: "DELETE", path: "/v1/session", headers: bearer(token), success: 204 }),
  tokenOf: ({ text }) => (JSON.parse(text) as { token: string }).token,
  isLive: ({ status }) => (status === 200 ? true : status === 401 ? false : undefined),
};

const cookie = (token: string) => ({ cookie: token, origin: "http://127.0.0.1", "user-agent": browser });

/** better-auth: its sessions do not rotate, and API keys are a plugin of its own. */
export const betterAuth: Product = {
  shares: { check: 0.98, refresh: 0, apiKey: 0, signIn: 0.01, settings: 0.005, revoke: 0.005 },
  check: (token) => ({ method: "GET", path: "/api/auth/get-session", headers: cookie(token), success: 200 }),
  refresh: () => {
    throw new Error("better-auth rotates no sessions");
  },
  apiKey: () => {
    throw new Error("better-auth has no API keys without its plugin");
  },
  signIn: (account) => ({
    method: "POST",
    path: "/api/auth/sign-in/email",
    headers: cookie(""),
    body: account,
    success: 200,
  }),
  settings: (token, name) => ({
    method: "POST",
    path: "/api/auth/update-user",
    headers: cookie(token),
    body: { name },
    success: 200,
  }),
  readSettings: (token) => betterAuth.check(token),
  revoke: (token) => ({
    method: "POST",
    path: "/api/auth/sign-out",
    headers: cookie(token),
    body: {},
    success: 200,
  }),
  tokenOf: ({ headers }) => String([headers["set-cookie"]].flat()[0]).split(";", 1)[0] ?? "",
  isLive: ({ status, text }) => (status === 200 ? text !== "null" : undefined),
};
