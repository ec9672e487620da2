import { Brand, Document, Footer } from "../components/document.js";
import { FormToken, Notice } from "../components/form.js";
import type { PageFrame } from "../look/frame.js";
import type { PageViews } from "../views.js";

export function Demo({ view, frame }: { view: PageViews["demo"]; frame: PageFrame }) {
  return (
    <Document frame={frame} title={frame.t("demo.title")}>
      <header class="top">
        <div class="inner">
          <Brand frame={frame} />
          <div class="who small">
            <a class="button plain" href={frame.link("/sign-in")}>
              {frame.say("sign_in.title")}
            </a>
            <a class="button secondary" href={frame.link("/sign-up")}>
              {frame.say("sign_in.sign_up")}
            </a>
          </div>
        </div>
      </header>
      <main id="content" class="hero">
        <div class="stack">
          <h1>{frame.say("demo.title")}</h1>
          <p class="lead muted">{frame.say("demo.text")}</p>
          <Notice frame={frame} />
        </div>
        <section class="stack" aria-labelledby="accounts">
          <h2 id="accounts">{frame.say("demo.accounts")}</h2>
          <div class="tiles">
            {view.accounts.map((account, at) => (
              <Account key={account.identifier} account={account} isFirst={at === 0} frame={frame} />
            ))}
          </div>
        </section>
        <section class="stack" aria-labelledby="places">
          <h2 id="places">{frame.say("demo.links")}</h2>
          <div class="tiles">
            {view.links.map(({ label, text, href }) => (
              <a key={href} class="card tile stack-s" href={href}>
                <strong>{label}</strong>
                <span class="muted small">{text}</span>
              </a>
            ))}
          </div>
        </section>
      </main>
      <Footer frame={frame} />
    </Document>
  );
}

interface AccountProps {
  account: PageViews["demo"]["accounts"][number];
  isFirst: boolean;
  frame: PageFrame;
}

function Account({ account, isFirst, frame }: AccountProps) {
  const { label, text, identifier, password } = account;
  return (
    <form class="card stack" method="post" action={frame.link("/sign-in")}>
      <div class="stack-s">
        <h3>{label}</h3>
        <p class="muted small">{text}</p>
      </div>
      <input type="hidden" name="identifier" value={identifier} />
      <input type="hidden" name="password" value={password} />
      <button type="submit" class={isFirst ? "primary wide" : "secondary wide"}>
        <span>{frame.say("demo.sign_in", { identifier })}</span>
      </button>
      <FormToken frame={frame} />
    </form>
  );
}
