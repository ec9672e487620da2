import type { ComponentChildren } from "preact";
import type { PageFrame } from "../look/frame.js";
import { script } from "../look/script.js";
import { style } from "../look/style.js";
import { ImpersonationBanner } from "./impersonation.js";

interface DocumentProps {
  frame: PageFrame;
  title: string;
  /** A refused form: screen readers say so first (WCAG 2.2, technique G199). */
  refused?: boolean | undefined;
  /** Go on to this address by itself. */
  refresh?: string | undefined;
  children: ComponentChildren;
}

/** The document around every page. */
export function Document({ frame, title, refused, refresh, children }: DocumentProps) {
  const { lang, dir, nonce, variables, name, t } = frame;
  const whole = `${refused ? t("form.error_title", { title }) : title} – ${name}`;
  return (
    <html lang={lang} dir={dir}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        {refresh !== undefined && <meta http-equiv="refresh" content={`0; url=${refresh}`} />}
        <link rel="icon" href="data:," />
        <title>{whole}</title>
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: variables + style }} />
      </head>
      <body>
        <a class="skip" href="#content">
          {frame.say("nav.skip")}
        </a>
        <ImpersonationBanner frame={frame} />
        {children}
        <script type="module" nonce={nonce} dangerouslySetInnerHTML={{ __html: script }} />
      </body>
    </html>
  );
}

/** Logo and name, which lead home. */
export function Brand({ frame }: { frame: PageFrame }) {
  const { name, logo } = frame;
  return (
    <a class="brand" href={frame.link("")}>
      {logo ? (
        <img src={logo} alt="" />
      ) : (
        <span class="mark" aria-hidden="true">
          {[...name][0]?.toUpperCase()}
        </span>
      )}
      <bdi>{name}</bdi>
    </a>
  );
}

/** What the application adds below every page, such as legal links. */
export function Footer({ frame }: { frame: PageFrame }) {
  if (!frame.footer) return null;
  return <footer class="muted small" dangerouslySetInnerHTML={{ __html: frame.footer }} />;
}
