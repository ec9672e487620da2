// A proof that a request asks for: OpenID Connect Core section 3.1.2.1, `prompt` and `max_age`.
import { decodeJwt } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { formToken, type Visitor } from "../pages/visitor.js";
import { password, useIdentity } from "../support.js";
import {
  agree,
  answerIn,
  authorizeUrl,
  type Client,
  makeClient,
  makeVisitor,
  ours,
  redeem,
  signIn,
  target,
} from "./world.js";

const setting = useIdentity();
const app = () => setting.app({ oauth: true });
let client: Client;
beforeEach(async () => {
  client = await makeClient(setting);
});

const minute = 60_000;
const cookie = "__Host-session";

/** Somebody who is signed in and has agreed to the app. */
async function known() {
  const made = await makeVisitor(setting, await app());
  await signIn(made.visitor, made.email);
  await agree(made.visitor, made.email, authorizeUrl(client));
  setting.clock.advance(1_000);
  return made;
}

/** Takes a request up; the address of its page. */
async function takenUp(visitor: Visitor, changes: Record<string, string>): Promise<string> {
  const page = ours(target(await visitor.get(authorizeUrl(client, changes))));
  await visitor.get(page);
  return page;
}

const goesTo = async (visitor: Visitor, page: string) => target(await visitor.get(page));

async function ageOfProof(visitor: Visitor, address: string): Promise<number> {
  const code = new URL(address).searchParams.get("code") ?? "";
  const { id_token } = await redeem(visitor.app, client, code);
  return setting.clock.now().getTime() / 1_000 - Number(decodeJwt(id_token).auth_time);
}

describe.each([{ prompt: "login" }, { max_age: "60" }, { max_age: "0" }])("%j", (asked) => {
  test("a session whose cookie was kept back while the request was taken up is no new proof", async () => {
    const { visitor } = await known();
    setting.clock.advance(29 * minute);
    const kept = visitor.cookies.get(cookie) ?? "";
    visitor.cookies.delete(cookie);
    const page = await takenUp(visitor, asked);
    visitor.cookies.set(cookie, kept);
    expect(await goesTo(visitor, page)).toContain("/account/confirm");
  });

  test("an older session that comes to the request in the place of another one is no new proof", async () => {
    const { visitor, email } = await known();
    setting.clock.advance(2 * minute);
    const first = visitor.cookies.get(cookie) ?? "";
    visitor.cookies.delete(cookie);
    await signIn(visitor, email);
    setting.clock.advance(2 * minute);
    const second = visitor.cookies.get(cookie) ?? "";
    visitor.cookies.set(cookie, first);
    const page = await takenUp(visitor, asked);
    visitor.cookies.set(cookie, second);
    expect(await goesTo(visitor, page)).toContain("/account/confirm");
  });

  test("a proof since then is one, and the id_token has its time", async () => {
    const { visitor } = await known();
    setting.clock.advance(2 * minute);
    const page = await takenUp(visitor, asked);
    const confirm = await goesTo(visitor, page);
    expect(confirm).toContain("/account/confirm");
    setting.clock.advance(20_000);
    await visitor.send(confirm, { password });
    expect(await ageOfProof(visitor, await goesTo(visitor, page))).toBe(0);
  });
});

describe("max_age holds when the code is issued", () => {
  test.each(["60", "0"])("%s s: a sign-in in another tab, and this one is opened later", async (max_age) => {
    const { visitor, email } = await known();
    visitor.cookies.delete(cookie);
    const page = await takenUp(visitor, { max_age });
    await signIn(visitor, email);
    setting.clock.advance(9 * minute);
    expect(await goesTo(visitor, page)).toContain("/account/confirm");
  });

  test("a consent that waits for an answer longer", async () => {
    const { visitor, email } = await makeVisitor(setting, await app());
    const page = ours(target(await visitor.get(authorizeUrl(client, { max_age: "60" }))));
    await signIn(visitor, email, ours(await goesTo(visitor, page)));
    const shown = await visitor.get(page);
    const answer = { form_token: formToken(shown.body), decision: "allow" };
    setting.clock.advance(9 * minute);
    const late = await visitor.post(page, answer);
    expect(target(late)).toBe(page);
    await visitor.send(ours(await goesTo(visitor, page)), { password });
    // Shorter than anybody reads: what was proved for this very request counts a minute.
    setting.clock.advance(59_000);
    expect(answerIn(await visitor.post(page, answer))).toHaveProperty("code");
  });

  test("a second shorter than anybody reads counts a minute, for a proof that the request asked for", async () => {
    const { visitor } = await known();
    const page = await takenUp(visitor, { max_age: "1", prompt: "consent login" });
    await visitor.send(await goesTo(visitor, page), { password });
    const shown = await visitor.get(page);
    setting.clock.advance(30_000);
    const answer = { form_token: formToken(shown.body), decision: "allow" };
    expect(answerIn(await visitor.post(page, answer))).toHaveProperty("code");
  });
});
