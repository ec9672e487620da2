import { describe, expect, test } from "vitest";
import {
  appleProvider,
  gitHubProvider,
  googleProvider,
  microsoftProvider,
} from "../../src/providers/index.js";

const client = { clientId: "client", clientSecret: "secret" };

test.each([
  ["no client id", { clientId: "" }],
  ["no client secret", { clientSecret: "" }],
  ["an id that is no name", { id: "My Google" }],
  ["no time", { timeoutMs: 0 }],
])("%s is refused when the provider is made", (_what, changed) => {
  expect(() => googleProvider({ ...client, ...changed })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTIONS" }),
  );
  expect(() => gitHubProvider({ ...client, ...changed })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTIONS" }),
  );
});

describe("the presets", () => {
  test.each([
    ["google", googleProvider(client), { name: "Google", trustsEmail: true }],
    // nOAuth: addresses in Entra ID are written by any directory's administrator.
    [
      "microsoft",
      microsoftProvider({ ...client, tenant: "contoso" }),
      { name: "Microsoft", trustsEmail: false },
    ],
    ["apple", appleProvider(client), { name: "Apple", trustsEmail: true }],
    ["github", gitHubProvider(client), { name: "GitHub", trustsEmail: true }],
  ])("%s", (id, provider, expected) => {
    expect(provider).toMatchObject({ id, createsAccounts: true, ...expected });
  });

  test("take another id, name and rule for accounts", () => {
    const changed = { ...client, id: "work", name: "Work account", createsAccounts: false };
    expect(googleProvider(changed)).toMatchObject({
      id: "work",
      name: "Work account",
      createsAccounts: false,
    });
  });
});
