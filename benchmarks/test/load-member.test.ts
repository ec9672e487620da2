import { describe, expect, it } from "vitest";
import { LoadMember } from "../src/load/member.js";
import { type LoadRequest, type LoadResponse, ours, type Product } from "../src/load/products.js";
import { Tally } from "../src/load/tally.js";

/** What becomes of a change of the setting. */
type Outcome =
  | "stored"
  | "acknowledged and not stored"
  | "stored without an answer"
  | "neither stored nor answered"
  | "stored with a 503"
  | "without an answer, stored after the next";

const cases: readonly { outcomes: readonly Outcome[]; lost: number }[] = [
  { outcomes: ["stored"], lost: 0 },
  { outcomes: ["stored", "stored"], lost: 0 },
  { outcomes: ["acknowledged and not stored"], lost: 1 },
  { outcomes: ["stored", "acknowledged and not stored"], lost: 1 },
  { outcomes: ["neither stored nor answered"], lost: 0 },
  { outcomes: ["stored without an answer"], lost: 0 },
  { outcomes: ["stored with a 503"], lost: 0 },
  { outcomes: ["stored", "neither stored nor answered"], lost: 0 },
  { outcomes: ["stored", "stored without an answer"], lost: 0 },
  { outcomes: ["neither stored nor answered", "acknowledged and not stored"], lost: 1 },
  { outcomes: ["without an answer, stored after the next", "stored"], lost: 0 },
];

describe("a member of the load, of its changes of a setting", () => {
  const titled = cases.map((one) => ({ ...one, title: one.outcomes.join(", then ") }));
  it.each(titled)("$title: $lost lost", async ({ outcomes, lost }) => {
    const member = memberOn(serviceWith(outcomes));
    for (const _ of outcomes) await member.act();
    await member.verify();
    expect(member.broken).toEqual({ acceptedAfterBound: 0, lost });
  });
});

/** A service of one user, which answers each change as the next of the outcomes says. */
function serviceWith(outcomes: readonly Outcome[]) {
  const left = [...outcomes];
  let company: string | undefined;
  let late: string | undefined;
  const change = (value: string): number | undefined => {
    const outcome = left.shift();
    if (outcome === "without an answer, stored after the next") late = value;
    if (outcome?.startsWith("stored")) company = value;
    if (outcome === "stored" && late !== undefined) company = late;
    if (outcome === "stored with a 503") return 503;
    return outcome?.includes("answer") ? undefined : 200;
  };
  return {
    send: async ({ method, body }: LoadRequest): Promise<LoadResponse | undefined> => {
      const status = method === "PATCH" ? change((body as { company: string }).company) : 200;
      const text = JSON.stringify({ profile: { company } });
      return status === undefined ? undefined : { status, headers: { "retry-after": "1" }, text };
    },
  };
}

function memberOn(target: ReturnType<typeof serviceWith>): LoadMember {
  const shares = { check: 0, refresh: 0, apiKey: 0, signIn: 0, settings: 1, revoke: 0 };
  const product: Product = { ...ours, shares };
  const account = { email: "load@example.com", password: "correct horse battery staple" };
  const start = { tokens: [], account, settingsToken: "settings", keys: [] };
  return new LoadMember(start, { product, target, tally: new Tally(), random: () => 0, boundMs: 1_000 });
}
