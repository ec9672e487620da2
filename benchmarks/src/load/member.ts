import type { LoadAccount, LoadRequest, LoadResponse, Operation, Product } from "./products.js";
import type { Tally } from "./tally.js";
import type { Target } from "./target.js";

/** What a member of the load begins with. */
export interface MemberStart {
  /** Sessions that it uses and nobody else. */
  readonly tokens: string[];
  /** An account with a password, which it signs in to. */
  readonly account: LoadAccount;
  /** A session of that account, for its settings. */
  readonly settingsToken: string;
  /** API keys with a quota. */
  readonly keys: readonly string[];
}

/** What an acknowledgement promised and did not hold. */
export interface Broken {
  /** Sessions that were accepted though their end had been acknowledged longer than the bound ago. */
  acceptedAfterBound: number;
  /** Sessions and settings that were acknowledged and are not there. */
  lost: number;
}

interface Ended {
  readonly token: string;
  readonly acknowledgedAt: number;
}

/** Signed-in sessions that wait for their end. */
const spareSessions = 2;
const remembered = 20;
/** Share of the checks that present a session which has ended. */
const endedShare = 0.02;
const afterFailureMs = 200;

/** One client after another request of the mix, with what it was promised so far. */
export class LoadMember {
  readonly #product: Product;
  readonly #target: Pick<Target, "send">;
  readonly #tally: Tally;
  readonly #random: () => number;
  readonly #boundMs: number;
  readonly #start: MemberStart;
  readonly #spare: string[] = [];
  readonly #ended: Ended[] = [];
  /** The value of the setting that was acknowledged last. */
  #setting: string | undefined;
  /** Values of changes without an acknowledgement: each may be carried out at any time, also after later changes, or never. */
  readonly #unsureSettings: string[] = [];
  #count = 0;
  readonly broken: Broken = { acceptedAfterBound: 0, lost: 0 };

  constructor(start: MemberStart, { product, target, tally, random, boundMs }: LoadMemberOptions) {
    this.#start = start;
    this.#product = product;
    this.#target = target;
    this.#tally = tally;
    this.#random = random;
    this.#boundMs = boundMs;
  }

  async act(): Promise<void> {
    const isDone = await this.#do(this.#choose());
    if (!isDone) await new Promise((resolve) => setTimeout(resolve, afterFailureMs));
  }

  /** Compares what is there in the end with what was acknowledged. */
  async verify(): Promise<void> {
    const { tokens, settingsToken } = this.#start;
    for (const token of [...tokens, ...this.#spare, settingsToken])
      if (!(await this.#isLive(token))) this.broken.lost += 1;
    for (const { token } of this.#ended) if (await this.#isLive(token)) this.broken.acceptedAfterBound += 1;
    if (this.#setting === undefined) return;
    const { text } = await this.#untilAnswered(this.#product.readSettings(settingsToken));
    const possible = [this.#setting, ...this.#unsureSettings];
    if (!possible.some((value) => text.includes(`"${value}"`))) this.broken.lost += 1;
  }

  #choose(): Operation {
    let at = this.#random();
    for (const [operation, share] of Object.entries(this.#product.shares) as [Operation, number][]) {
      at -= share;
      if (at < 0) return operation;
    }
    return "check";
  }

  #do(operation: Operation): Promise<boolean> {
    if (operation === "check") return this.#random() < endedShare ? this.#checkEnded() : this.#check();
    if (operation === "refresh") return this.#refresh();
    if (operation === "signIn") return this.#signIn();
    if (operation === "settings") return this.#change();
    if (operation === "revoke") return this.#revoke();
    return this.#useKey();
  }

  async #check(): Promise<boolean> {
    const token = this.#anyToken();
    const answer = await this.#send("check", this.#product.check(token));
    if (answer && this.#product.isLive(answer) === false) this.broken.lost += 1;
    return answer !== undefined;
  }

  async #checkEnded(): Promise<boolean> {
    const one = this.#ended[Math.floor(this.#random() * this.#ended.length)];
    if (!one) return this.#check();
    const isDue = performance.now() - one.acknowledgedAt >= this.#boundMs;
    const answer = await this.#target.send(this.#product.check(one.token));
    const isLive = answer && this.#product.isLive(answer);
    if (isLive === undefined) this.#tally.failed(answer);
    else if (isLive && isDue) this.broken.acceptedAfterBound += 1;
    return isLive !== undefined;
  }

  async #refresh(): Promise<boolean> {
    const { tokens } = this.#start;
    if (tokens.length === 0) return this.#check();
    const at = Math.floor(this.#random() * tokens.length);
    const [token = ""] = tokens.splice(at, 1);
    const answer = await this.#send("refresh", this.#product.refresh(token));
    // Without an answer nobody knows which token is the current one: the member gives the session up.
    if (answer) tokens.push(this.#product.tokenOf(answer));
    return answer !== undefined;
  }

  async #useKey(): Promise<boolean> {
    const { keys } = this.#start;
    const key = keys[this.#count++ % keys.length] ?? "";
    return (await this.#send("apiKey", this.#product.apiKey(key))) !== undefined;
  }

  async #signIn(): Promise<boolean> {
    if (this.#spare.length >= spareSessions) return this.#revoke();
    const answer = await this.#send("signIn", this.#product.signIn(this.#start.account));
    if (answer) this.#spare.push(this.#product.tokenOf(answer));
    return answer !== undefined;
  }

  async #revoke(): Promise<boolean> {
    const token = this.#spare.shift();
    if (token === undefined) return this.#signIn();
    const answer = await this.#send("revoke", this.#product.revoke(token));
    if (!answer) return false;
    this.#ended.push({ token, acknowledgedAt: performance.now() });
    if (this.#ended.length > remembered) this.#ended.shift();
    return true;
  }

  async #change(): Promise<boolean> {
    const value = `Company ${this.#count++}`;
    const answer = await this.#send("settings", this.#product.settings(this.#start.settingsToken, value));
    if (answer) this.#setting = value;
    else this.#unsureSettings.push(value);
    return answer !== undefined;
  }

  /** The answer if it was a success; a failure is counted. */
  async #send(operation: Operation, asked: LoadRequest): Promise<LoadResponse | undefined> {
    const began = performance.now();
    const answer = await this.#target.send(asked);
    if (answer?.status === asked.success) {
      this.#tally.succeeded(operation, performance.now() - began);
      return answer;
    }
    this.#tally.failed(answer);
    return undefined;
  }

  async #isLive(token: string): Promise<boolean> {
    const answer = await this.#untilAnswered(this.#product.check(token));
    return this.#product.isLive(answer) === true;
  }

  async #untilAnswered(asked: LoadRequest): Promise<LoadResponse> {
    for (;;) {
      const answer = await this.#target.send(asked);
      if (answer && answer.status !== 503) return answer;
      await new Promise((resolve) => setTimeout(resolve, afterFailureMs));
    }
  }

  #anyToken(): string {
    const { tokens } = this.#start;
    return tokens[Math.floor(this.#random() * tokens.length)] ?? this.#start.settingsToken;
  }
}

/** What a member of the load acts on. */
export interface LoadMemberOptions {
  readonly product: Product;
  readonly target: Pick<Target, "send">;
  readonly tally: Tally;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** No check accepts a session whose end was acknowledged so long ago, milliseconds. */
  readonly boundMs: number;
}
