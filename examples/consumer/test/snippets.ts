/** A program, or an `org-db` configuration, that a README shows. */
export interface Snippet {
  /** Also the name of its file. */
  readonly name: string;
  readonly code: string;
  /** A configuration is run by `org-db`, a program by itself; a server listens until it is stopped. */
  readonly kind: "program" | "server" | "configuration";
}

const heading = /^#{1,6} .*$/m;
const block = /^```ts\n(.*?)^```$/gms;

/** The TypeScript blocks under the heading "## Use", up to the next heading. */
export function snippetsOf(label: string, readme: string): Snippet[] {
  const [, rest = ""] = readme.split(/^## Use$/m);
  const [section = ""] = rest.split(heading);
  return [...section.matchAll(block)].map(([, code = ""], index) => ({
    name: `${label}-${index + 1}`,
    code,
    kind: kindOf(code),
  }));
}

function kindOf(code: string): Snippet["kind"] {
  if (/^export default /m.test(code)) return "configuration";
  return code.includes("app.listen(") ? "server" : "program";
}
