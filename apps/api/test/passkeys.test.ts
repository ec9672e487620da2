import { expect, test } from "vitest";
import { passkeysOf } from "../src/passkeys.js";
import { useApi } from "./support/api.js";

const api = useApi();

test.each([
  ["https://id.example.com", "id.example.com", "https://id.example.com"],
  ["https://id.example.com:8443", "id.example.com", "https://id.example.com:8443"],
  ["http://localhost:3000", "localhost", "http://localhost:3000"],
])("under %s passkeys belong to its domain", (issuer, rpId, origin) => {
  expect(passkeysOf(issuer)).toEqual({ passkeys: { rpId, origins: [origin] } });
});

test.each([["http://127.0.0.1:3000"], ["https://192.0.2.7"], ["https://[2001:db8::1]"]])(
  "under %s there are none: browsers bind no passkey to an address",
  (issuer) => {
    expect(passkeysOf(issuer)).toEqual({});
  },
);

test("the service has options for a passkey of its issuer", async () => {
  const answer = await api.app.inject({ method: "POST", url: "/v1/sessions/passkey/options" });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toMatchObject({
    options: { rpId: "localhost", allowCredentials: [], userVerification: "required" },
    attempt: expect.stringMatching(/^idl_/),
  });
});
