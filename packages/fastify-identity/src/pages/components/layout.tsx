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
  ["/apps", "nav.apps"],
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
  const shown = sections.filter(([path]) => path !== "/apps" || frame.apps);
  const links = shown.map(([path, label]) => ({
    href: frame.link(path),
    label,
    isCurrent: path === section,
  }));
  const nav = { label: frame.t("nav.label"), links };
  return (
    <SignedInLayout frame={frame} title={title} refused={refused} nav={nav} heading={title}>
      {children}
    </SignedInLayout>
  );
}

interface SignedInLayoutProps extends Omit<LayoutProps, "below" | "refresh"> {
  nav: {
    label: string;
    links: readonly { href: string; label: MessageId; isCurrent: boolean }[];
  };
  heading: ComponentChildren;
  /** Beside the brand. */
  area?: ComponentChildren;
}

/** A page of somebody who is signed in: who that is, a way out, and the navigation. */
export function SignedInLayout(props: SignedInLayoutProps) {
  const { frame, title, refused, nav, heading, area, children } = props;
  const brand = <Brand frame={frame} />;
  return (
    <Document frame={frame} title={title} refused={refused}>
      <header class="top">
        <div class="inner">
          {area ? (
            <div class="row">
              {brand}
              {area}
            </div>
          ) : (
            brand
          )}
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
        <nav class="side" aria-label={nav.label}>
          <ul>
            {nav.links.map(({ href, label, isCurrent }) => (
              <li key={href}>
                <a href={href} aria-current={isCurrent ? "page" : undefined}>
                  {frame.say(label)}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <main id="content" class="content">
          <h1>{heading}</h1>
          <Notice frame={frame} />
          {children}
        </main>
      </div>
      <Footer frame={frame} />
    </Document>
  );
}
