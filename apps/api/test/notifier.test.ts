import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Notice } from "@org/fastify-identity";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defineConfig } from "../src/config.js";
import { createNotifier } from "../src/notifier.js";

const mongodbUri = "mongodb://127.0.0.1/none";
const lines: unknown[] = [];
const log = { warn: (line: unknown) => lines.push(line) } as never;
const notice: Notice = {
  kind: "sign_in_code",
  to: "ada@example.com",
  subject: "Your sign-in code",
  text: "Your code is 12345678.",
  facts: { code: "12345678" },
};

describe("by SMTP", () => {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        mails.push(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => new Promise<void>((resolve) => void server.close(resolve)));

  test("a mail goes to a real server", async () => {
    const { port } = server.server.address() as AddressInfo;
    const smtp = {
      notifier: "smtp",
      smtpUrl: `smtp://127.0.0.1:${port}`,
      mailFrom: "id@example.com",
    } as const;
    const notifier = createNotifier(defineConfig({ mongodbUri, ...smtp }), log);
    await notifier.send(notice);
    await notifier.close();
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain("To: ada@example.com");
    expect(mails[0]).toContain("From: id@example.com");
    expect(mails[0]).toContain("12345678");
  });

  test("a server that is away is an error, not a silence", async () => {
    const smtp = { notifier: "smtp", smtpUrl: "smtp://127.0.0.1:1", mailFrom: "id@example.com" } as const;
    const notifier = createNotifier(defineConfig({ mongodbUri, ...smtp }), log);
    await expect(notifier.send(notice)).rejects.toThrow();
  });
});

describe("by webhook", () => {
  const webhookSecret = "a secret of the test that is long enough";
  const received: { request: IncomingMessage; body: string }[] = [];
  let failures = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ request, body });
      response.statusCode = failures-- > 0 ? 500 : 204;
      response.end();
    });
  });
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const notifierOf = () => {
    const { port } = server.address() as AddressInfo;
    const webhook = {
      notifier: "webhook",
      webhookUrl: `http://127.0.0.1:${port}/in`,
      webhookSecret,
    } as const;
    return createNotifier(defineConfig({ mongodbUri, ...webhook }), log);
  };

  test("the request is signed, and tried again when the receiver fails", async () => {
    failures = 1;
    await notifierOf().send(notice);
    expect(received).toHaveLength(2);
    const { request, body } = received[1] as (typeof received)[number];
    expect(JSON.parse(body)).toEqual(notice);
    const timestamp = request.headers["x-org-timestamp"] as string;
    const signature = createHmac("sha256", webhookSecret).update(`${timestamp}.${body}`).digest("hex");
    expect(request.headers["x-org-signature"]).toBe(`v1=${signature}`);
  });

  test("a receiver that keeps failing is an error", async () => {
    failures = 99;
    await expect(notifierOf().send(notice)).rejects.toThrow("500");
  });
});

test("by the log, for development", async () => {
  const notifier = createNotifier(defineConfig({ mongodbUri }), log);
  await notifier.send(notice);
  await notifier.close();
  expect(lines).toEqual([{ notice: "sign_in_code", to: notice.to, text: notice.text }]);
});

test.each([
  [{ notifier: "smtp" }, "smtpUrl"],
  [{ notifier: "smtp", smtpUrl: "smtp://x" }, "mailFrom"],
  [{ notifier: "webhook", webhookUrl: "https://x.example" }, "webhookSecret"],
] as const)("the configuration %j misses %s", (config, missing) => {
  expect(() => defineConfig({ mongodbUri, ...config })).toThrow(missing);
});
