import { fastify } from "fastify";
import { expect, test, vi } from "vitest";
import { identityPlugin } from "../src/index.js";
import { useIdentity } from "./support.js";

const setting = useIdentity();

test("without a notifier and without a logger, who develops on loopback reads the code on stderr", async () => {
  const printed: string[] = [];
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  try {
    const { notifier: _notifier, ...options } = setting.options({ issuer: "http://localhost:3000" });
    const app = fastify();
    await app.register(identityPlugin, options);
    const payload = { email: "ada@example.com", password: "correct horse battery" };
    expect((await app.inject({ method: "POST", url: "/v1/users", payload })).statusCode).toBe(201);
    await app.close();
  } finally {
    write.mockRestore();
  }
  expect(printed.join("")).toMatch(/email_verification to ada@example\.com, for development:\n[\s\S]*\S/);
});
