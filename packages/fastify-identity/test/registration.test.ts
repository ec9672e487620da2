import { expect, test } from "vitest";
import { password, useIdentity } from "./support.js";

const setting = useIdentity();

// ASVS 5.0, 6.3.8: registration tells nobody whether an address has an account.
test("a discreet registration answers the same for an address with an account, and tells its owner by mail", async () => {
  const app = await setting.app({ discreetRegistration: true });
  const register = (email: string, more: object = {}) =>
    app.inject({ method: "POST", url: "/v1/users", payload: { email, password, ...more } });
  const first = await register("ada@example.com", { username: "ada" });
  const again = await register("ADA@example.com");
  expect([first.statusCode, first.body]).toEqual([202, "{}"]);
  expect([again.statusCode, again.body]).toEqual([202, "{}"]);
  const names = ({ headers }: typeof first) => Object.keys(headers).sort();
  expect(names(again)).toEqual(names(first));
  await setting.settle();
  const kinds = setting.notices.map(({ kind, to }) => [kind, to]);
  expect(kinds).toEqual([
    ["email_verification", "ada@example.com"],
    ["account_exists", "ada@example.com"],
  ]);
  expect(await setting.identity.models.User.countDocuments({ email: "ada@example.com" })).toBe(1);
  // Usernames are public: who chooses one has to know that it is taken.
  const taken = await register("eve@example.com", { username: "Ada" });
  expect([taken.statusCode, taken.json().code]).toEqual([409, "USERNAME_TAKEN"]);
});

test("a registration that tells answers with the account, or that the address is taken", async () => {
  const app = await setting.app();
  const payload = { email: "grace@example.com", password };
  const register = () => app.inject({ method: "POST", url: "/v1/users", payload });
  expect((await register()).statusCode).toBe(201);
  const taken = await register();
  expect([taken.statusCode, taken.json().code]).toEqual([409, "EMAIL_TAKEN"]);
});
