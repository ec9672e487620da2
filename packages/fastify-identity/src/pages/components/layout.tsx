import type { ComponentChildren } from "preact";
import type { PageFrame } from "../look/frame.js";
import type { MessageId } from "../messages/english.js";
import { Brand, Document, Footer } from "./document.js";
import { FormToken, Notice } from "./form.js";

interface LayoutProps {
  frame: PageFrame;
  title: string;
  refused?: boolean | undefined;
  refresh?: string | undefined;
  children: ComponentChildren;
  /** Under the card. */
  below?: ComponentChildren;
}

/** One card in the middle: for people who are not signed in. */
export function CardLayout({ frame, title, refused, refresh, children, below }: LayoutProps) {
  return (
    <Document frame={frame} title={title} refused={refused} refresh={refresh}>
      <div class="center">
        <header>
          <Brand frame={frame} />
        </header>
        <main id="content">
          <div class="card stack">
            <h1>{title}</h1>
            <Notice frame={frame} />
            {children}
          </div>
          {below && <div class="below small">{below}</div>}
        </main>
        <Footer frame={frame} />
      </div>
    </Document>
  );
}

const sections: ReadonlyArray<readonly [path: string, label: MessageId]> = [
  ["", "nav.profile"],
  ["/security", "nav.security"],
  ["/api-keys", "nav.keys"],
  ["/activity", "nav.activity"],
  ["/usage", "nav.usage"],
  ["/data", "nav.data"],
];

interface AccountLayoutProps extends LayoutProps {
  /** Path of the section that the page belongs to. */
  section: string;
}

/** The pages of an account, with their navigation. */
export function AccountLayout({ frame, title, refused, section, children }: AccountLayoutProps) {
  return (
    <Document frame={frame} title={title} refused={refused}>
      <header class="top">
        <div class="inner">
          <Brand frame={frame} />
          <div class="who small">
            <bdi>{frame.account?.email}</bdi>
            <form method="post" action={frame.link("/sign-out")}>
              <FormToken frame={frame} />
              <button type="submit" class="plain">
                {frame.say("nav.sign_out")}
              </button>
            </form>
          </div>
        </div>
      </header>
      <div class="frame">
        <nav class="side" aria-label={frame.t("nav.label")}>
          <ul>
            {sections.map(([path, label]) => (
              <li key={path}>
                <a href={frame.link(path)} aria-current={path === section ? "page" : undefined}>
                  {frame.say(label)}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <main id="content" class="content">
          <h1>{title}</h1>
          <Notice frame={frame} />
          {children}
        </main>
      </div>
      <Footer frame={frame} />
    </Document>
  );
}
