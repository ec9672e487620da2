import type { Identity } from "@org/db-models";
import { queries, runQuery } from "@org/db-models/queries";
import { render } from "preact-render-to-string";
import { z } from "zod";
import type { FlowLog } from "../flows/flow-log.js";
import { factFrom } from "../flows/given.js";
import type { Notice, Notifier } from "../flows/notices/notice.js";
import { chooseCatalogue, fill, lookUp } from "./look/language.js";
import type { Theme } from "./look/theme.js";
import type { MailRenderer, MailView } from "./mail-view.js";
import { english, type MessageId } from "./messages/english.js";
import type { PageSettings } from "./options.js";
import { linkTo } from "./site.js";

interface Mailer {
  readonly identity: Identity;
  readonly settings: PageSettings;
  readonly issuer: string;
  /** Path before the pages, that of the surrounding app included. */
  readonly prefix: string;
  readonly notifier: Notifier;
  readonly log: FlowLog;
}

/** Sends notices as mails with links to the pages, in the language of who gets them. */
export function mailNotifier(mailer: Mailer): Notifier {
  return {
    send: async (notice) => {
      const view = mailOf(mailer, notice, await readerOf(mailer, notice.account ?? notice.to));
      await mailer.notifier.send({ ...notice, ...written(mailer, view) });
    },
  };
}

type Written = ReturnType<MailRenderer>;

const mailSchema = z
  .object({ subject: z.string(), text: z.string(), html: z.string().optional() })
  .transform((mail) => mail as Written);

/** A mail of the application's that fails is written as if it were not replaced: without one nobody gets in. */
function written({ settings, log }: Mailer, view: MailView): Written {
  const own = settings.mails[view.kind];
  const given = { part: `pages.mails.${view.kind}`, shape: mailSchema.optional(), otherwise: undefined };
  return (own && factFrom(log, given, () => own(view))) ?? writeMail(settings.theme)(view);
}

interface Reader {
  readonly language?: string;
  readonly timezone?: string;
}

/** What the account says of its owner; without it the mail is in English. */
async function readerOf({ identity, settings }: Mailer, email: string): Promise<Reader> {
  if (settings.messages.length === 0) return {};
  const projection = { "profile.language": 1, "profile.timezone": 1 } as const;
  const found = await runQuery(identity.models, queries.userByEmail(email), projection).catch(() => []);
  return found[0]?.profile ?? {};
}

/** Pages that a mail leads to, with its token if it has one. */
const places: { readonly [Kind in Notice["kind"]]?: string } = {
  email_verification: "/verify-email",
  account_exists: "/reset-password",
  password_reset: "/reset-password",
  email_change: "/confirm-email",
  email_change_requested: "/undo-email",
  email_changed: "/undo-email",
  email_change_undone: "/security",
  new_device: "/not-me",
  new_location: "/not-me",
  second_factor_changed: "/security",
  recovery_code_used: "/security",
  external_identity_changed: "/security/providers",
  sign_in_reported: "/security",
  impersonation_started: "/security",
  password_changed: "/forgotten-password",
  factor_recovery: "/recover/cancel",
  factor_recovery_token: "/recover/finish",
};

function mailOf(mailer: Mailer, notice: Notice, { language, timezone = "UTC" }: Reader): MailView {
  const { settings, issuer } = mailer;
  const catalogue = chooseCatalogue(settings.messages, [language]);
  const { lang, dir = "ltr" } = catalogue;
  const name = settings.theme.name ?? new URL(issuer).host;
  const { kind, to, facts } = notice;
  const { code } = facts;
  const dates = { dateStyle: "medium", timeStyle: "long", timeZone: timezone } as const;
  const from = [facts.device, facts.country].filter(Boolean).join(", ");
  const values = {
    ...facts,
    name,
    origin: from || lookUp(catalogue, "security.unknown_device").text,
    ...datesOf(facts, new Intl.DateTimeFormat(lang, dates)),
    ...(facts.cancelToken && { cancelLink: linkOf(mailer, "/recover/cancel", facts.cancelToken) }),
  };
  const say = (id: MessageId) => fill(lookUp(catalogue, id).text, values);
  return {
    kind,
    to,
    subject: oneLine(say(`mail.${kind}.subject`)),
    paragraphs: [...textsOf(kind, facts), ...afterwards(kind)].map(say),
    action: actionOf(mailer, notice, say),
    code,
    name,
    lang,
    dir,
  };
}

/** The moments among the facts, for people. */
function datesOf(facts: Notice["facts"], format: Intl.DateTimeFormat): Record<string, string> {
  const moments = Object.entries(facts).filter(([name]) => name === "expiresAt" || name === "availableAt");
  return Object.fromEntries(moments.map(([name, value]) => [name, format.format(new Date(value))]));
}

const linkOf = ({ issuer, prefix }: Mailer, place: string, token: string | undefined): string =>
  issuer + linkTo({ prefix }, place, { token });

function actionOf(
  mailer: Mailer,
  { kind, facts }: Notice,
  say: (id: MessageId) => string,
): MailView["action"] {
  const place = places[kind];
  const label = `mail.${kind}.action`;
  if (place === undefined || !isMessage(label)) return undefined;
  const token = kind === "factor_recovery" ? facts.cancelToken : facts.token;
  return { label: say(label), url: linkOf(mailer, place, token) };
}

/** The texts of a mail: one, or the one of its `how` or `change`. */
function textsOf(kind: Notice["kind"], { how, change }: Notice["facts"]): MessageId[] {
  const special = `mail.${kind}.${how ?? change}`;
  return [isMessage(special) ? special : (`mail.${kind}.text` as MessageId)];
}

const isMessage = (id: string): id is MessageId => Object.hasOwn(english, id);

/** What to do if it was somebody else. */
function afterwards(kind: Notice["kind"]): MessageId[] {
  const id = `mail.${kind}.otherwise`;
  return isMessage(id) ? [id] : [];
}

/** A header ends at a line break: nothing that came in may bring one. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();

/** The mail as text and as HTML. */
function writeMail(theme: Theme): MailRenderer {
  return (view) => ({
    subject: view.subject,
    text: textOf(view),
    html: `<!doctype html>${render(<Mail view={view} theme={theme} />)}`,
  });
}

function textOf({ paragraphs, action, code, name }: MailView): string {
  const [first = "", ...others] = paragraphs;
  const parts = [first, code && `    ${code}`, action && `${action.label}:\n${action.url}`, ...others, name];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

/** Mail programs know little CSS, and none from outside. */
function Mail({ view, theme }: { view: MailView; theme: Theme }) {
  const { subject, paragraphs, action, code, name, lang, dir } = view;
  const [first, ...others] = paragraphs;
  const { light, radius } = theme;
  const text = `margin:0 0 20px;font:16px/1.5 ${theme.font.replaceAll('"', "'")};color:${light.text}`;
  const button =
    `display:inline-block;padding:12px 20px;border-radius:${radius}px;background:${light.accent};` +
    `color:#ffffff;font:600 16px/1.25 ${theme.font.replaceAll('"', "'")};text-decoration:none`;
  return (
    <html lang={lang} dir={dir}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{subject}</title>
      </head>
      <body style={`margin:0;padding:24px;background:${light.background}`}>
        <div
          style={`max-width:560px;margin:0 auto;padding:32px;background:${light.surface};border-radius:${radius * 1.5}px`}
        >
          <p style={`${text};font-weight:700`}>{name}</p>
          <h1 style={`${text};font-size:22px;font-weight:700`}>{subject}</h1>
          <p style={text}>{first}</p>
          {code && <p style={`${text};font-size:28px;font-weight:700;letter-spacing:4px`}>{code}</p>}
          {action && (
            <p style={text}>
              <a href={action.url} style={button}>
                {action.label}
              </a>
            </p>
          )}
          {others.map((paragraph) => (
            <p key={paragraph} style={`${text};font-size:14px`}>
              {paragraph}
            </p>
          ))}
        </div>
      </body>
    </html>
  );
}
