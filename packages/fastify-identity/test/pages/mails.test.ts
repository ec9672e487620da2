import { fastify } from "fastify";
import { describe, expect, test } from "vitest";
import { identityPlugin, type MailView, OptionsError } from "../../src/index.js";
import { password, someone, useIdentity } from "../support.js";

const setting = useIdentity();
const mailTo = async (email: string, kind: string) => {
  await setting.settle();
  const mail = setting.notices.findLast((notice) => notice.to === email && notice.kind === kind);
  if (!mail) throw new Error(`no ${kind} for ${email}`);
  return mail;
};

describe("mails", () => {
  test("have a link to the page, the same in text and HTML, and no bare token beside it", async () => {
    const app = await setting.app({ pages: { theme: { name: "Acme" } } });
    const { email } = await someone(app);
    const { text, html = "", facts, subject } = await mailTo(email, "email_verification");
    const link = `https://id.example.com/account/verify-email?token=${facts.token}`;
    expect(subject).toBe("Verify your email address");
    expect(text).toContain(`Verify address:\n${link}\n`);
    expect(html).toContain(`href="${link}"`);
    expect(text.split(facts.token ?? "?")).toHaveLength(2);
    expect(text).toContain("Welcome to Acme");
  });

  test("follow the prefix of the app and of the pages", async () => {
    const app = fastify();
    const options = setting.options({ pages: { prefix: "/me" }, prefix: "/api" });
    app.register(async (inner) => inner.register(identityPlugin, options), { prefix: "/tenant" });
    await app.ready();
    const { email } = await someone(app, "/tenant/api");
    await expect.poll(() => setting.notices.some(({ to }) => to === email)).toBe(true);
    const { text } = await mailTo(email, "email_verification");
    expect(text).toContain("https://id.example.com/tenant/me/verify-email?token=ido_");
    await app.close();
  });

  test("are in the language of their reader; what the catalogue leaves out is English", async () => {
    const messages = [
      { lang: "de", messages: { "mail.email_verification.subject": "Bestätige deine Adresse" } },
    ];
    const app = await setting.app({ pages: { messages } });
    const email = "german@example.com";
    const payload = { email, password, language: "de-AT" };
    await app.inject({ method: "POST", url: "/v1/users", payload });
    const { subject, html = "" } = await mailTo(email, "email_verification");
    expect(subject).toBe("Bestätige deine Adresse");
    expect(html).toContain('<html lang="de" dir="ltr">');
    expect(html).toContain("Verify address");
  });

  test("to another address than the account's are in its owner's language too", async () => {
    const messages = [
      {
        lang: "de",
        messages: {
          "mail.email_change.subject": "Bestätige deine neue Adresse",
          "mail.email_changed.subject": "Deine Adresse wurde geändert",
        },
      },
    ];
    const app = await setting.app({ pages: { messages } });
    const person = await someone(app);
    const payload = { language: "de" };
    await app.inject({ method: "PATCH", url: "/v1/profile", headers: person.bearer, payload });
    const email = "another-german@example.com";
    await app.inject({ method: "POST", url: "/v1/email-change", headers: person.bearer, payload: { email } });
    const asked = await mailTo(email, "email_change");
    expect(asked.subject).toBe("Bestätige deine neue Adresse");
    const { token } = asked.facts;
    await app.inject({ method: "POST", url: "/v1/email-change/confirm", payload: { token } });
    expect((await mailTo(person.email, "email_changed")).subject).toBe("Deine Adresse wurde geändert");
  });

  test("can be replaced one by one", async () => {
    const seen: MailView[] = [];
    const mails = {
      password_changed: (view: MailView) => {
        seen.push(view);
        return { subject: "Changed", text: "own text", html: "<p>own</p>" };
      },
    };
    const app = await setting.app({ pages: { mails } });
    const { email, bearer } = await someone(app);
    const payload = { password, newPassword: "another fine password" };
    await app.inject({ method: "PUT", url: "/v1/account/password", headers: bearer, payload });
    expect(await mailTo(email, "password_changed")).toMatchObject({ subject: "Changed", html: "<p>own</p>" });
    expect(seen[0]?.action?.url).toBe("https://id.example.com/account/forgotten-password");
    await expect(setting.app({ pages: { mails: { unknown: () => ({}) } as never } })).rejects.toThrow(
      OptionsError,
    );
  });

  test("without the pages are the notices of the flows", async () => {
    const app = await setting.app({ pages: false });
    const { email } = await someone(app);
    const { text, html, facts } = await mailTo(email, "email_verification");
    expect(html).toBeUndefined();
    expect(text).toContain(facts.token);
  });
});
