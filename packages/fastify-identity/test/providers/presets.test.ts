import { describe, expect, test } from "vitest";
import {
  appleProvider,
  gitHubProvider,
  googleProvider,
  microsoftProvider,
} from "../../src/providers/index.js";

const client = { clientId: "client", clientSecret: "secret" };

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
