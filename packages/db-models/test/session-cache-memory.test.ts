import { describe, expect, it } from "vitest";
import type { Moment } from "../src/session-cache/clocks.js";
import { Entries, type Entry } from "../src/session-cache/entries.js";
import { Heartbeats } from "../src/session-cache/heartbeats.js";
import { Invalidations } from "../src/session-cache/invalidations.js";
import { Trust, type TrustProof } from "../src/session-cache/trust.js";

const at = (monotonic: number, wall = monotonic): Moment => ({ monotonic, wall });

describe("what memory is trusted by", () => {
  const bound = 1_000;
  const read = (moment: Moment, followsEcho = false) => ({ readAt: moment, followsEcho });

  it.each<[string, TrustProof, Moment | undefined, ReturnType<typeof read>, Moment, boolean]>([
    ["its own read", "read", undefined, read(at(0)), at(979), true],
    ["no read that is 98 % of the bound old", "read", undefined, read(at(0)), at(980), false],
    ["no read of the future", "read", undefined, read(at(1)), at(0), false],
    ["no read that only the wall clock has recent", "read", undefined, read(at(0)), at(980, 10), false],
    ["no read that only the monotonic clock has recent", "read", undefined, read(at(0)), at(10, 980), false],
    ["no read before the wall clock was set back", "read", undefined, read(at(0, 1)), at(10, 0), false],
    ["no read by the proof `echo`", "echo", undefined, read(at(0)), at(1), false],
    ["an echo that the read follows", "echo", at(5_000), read(at(0), true), at(5_979), true],
    ["no echo that is 98 % of the bound old", "echo", at(5_000), read(at(0), true), at(5_980), false],
    ["no echo for a read before the epoch's first", "echo", at(5_000), read(at(0), false), at(5_000), false],
    ["nothing where there is no echo to follow", "echo", undefined, read(at(0), true), at(1), false],
    ["its read beside an old echo", "read", at(0), read(at(5_000), true), at(5_979), true],
  ])("%s", (_name, proof, echo, entry, now, isTrusted) => {
    const trust = new Trust(bound, proof);
    if (echo) trust.echoed(echo);
    expect(trust.mayAnswer(entry, now)).toBe(isTrusted);
  });

  it("an echo that another overtook takes nothing back", () => {
    const trust = new Trust(bound, "echo");
    for (const sent of [1, 3, 2]) trust.echoed(at(sent));
    expect(trust.echo).toEqual(at(3));
    trust.reset();
    expect(trust.echo).toBeUndefined();
  });
});

describe("heartbeats", () => {
  it("come back with the moment before they were sent, once, and none before them is waited for", () => {
    let now = 0;
    const heartbeats = new Heartbeats({ now: () => at(now) });
    expect(heartbeats.awaitedSince).toBeUndefined();
    const numbers = [10, 20, 30].map((moment) => {
      now = moment;
      return heartbeats.next();
    });
    expect(numbers).toEqual([1, 2, 3]);
    expect(heartbeats.awaitedSince).toEqual(at(10));
    expect(heartbeats.returned(2)).toEqual(at(20));
    expect(heartbeats.awaitedSince).toEqual(at(30));
    expect([heartbeats.returned(2), heartbeats.returned(1), heartbeats.returned(9)]).toEqual(
      Array(3).fill(undefined),
    );
    expect(heartbeats.awaitedSince).toBeUndefined();
    now = 40;
    expect(heartbeats.next()).toBe(4);
    heartbeats.forget();
    expect([heartbeats.awaitedSince, heartbeats.returned(4)]).toEqual([undefined, undefined]);
  });

  it("are remembered up to 64", () => {
    let now = 0;
    const heartbeats = new Heartbeats({ now: () => at(now) });
    for (; now < 65; now++) heartbeats.next();
    expect(heartbeats.awaitedSince).toEqual(at(1));
    expect([heartbeats.returned(1), heartbeats.returned(2)]).toEqual([undefined, at(1)]);
  });
});

describe("a ticket", () => {
  const tickets = () => {
    const invalidations = new Invalidations();
    return { invalidations, open: () => invalidations.openTicket(at(0), false) };
  };

  it("is dirty by what was invalidated since it was opened, and by nothing else", () => {
    const { invalidations, open } = tickets();
    const keeper = open();
    invalidations.add(["a"]);
    const ticket = open();
    invalidations.add(["b", "c"]);
    const dirty = (subject: string) => invalidations.isDirty(ticket, [subject]);
    expect(["a", "b", "c", "d"].map(dirty)).toEqual([false, true, true, false]);
    expect(invalidations.isDirty(ticket, ["d", "c"])).toBe(true);
    expect(invalidations.isDirty(ticket, [])).toBe(false);
    expect(invalidations.isDirty(keeper, ["a"])).toBe(true);
    invalidations.addAll();
    expect(invalidations.isDirty(ticket, [])).toBe(true);
    expect(invalidations.isDirty(open(), ["a", "b"])).toBe(false);
    expect(invalidations.open).toBe(3);
  });

  it("is not dirty by what was invalidated before any was open, or by a read that has landed", () => {
    const { invalidations, open } = tickets();
    invalidations.add(["a"]);
    const first = open();
    expect(invalidations.isDirty(first, ["a"])).toBe(false);
    invalidations.add(["a"]);
    invalidations.closeTicket(first);
    expect(invalidations.open).toBe(0);
    expect(invalidations.isDirty(open(), ["a"])).toBe(false);
  });

  it("stays dirty while another one is closed", () => {
    const { invalidations, open } = tickets();
    const [first, second] = [open(), open()];
    invalidations.add(["a"]);
    invalidations.closeTicket(first);
    expect(invalidations.isDirty(second, ["a"])).toBe(true);
  });

  it("is void after more invalidations than are remembered", () => {
    const { invalidations, open } = tickets();
    const ticket = open();
    for (let subject = 0; subject < 10_000; subject++) invalidations.add([String(subject)]);
    expect(invalidations.isDirty(ticket, ["other"])).toBe(false);
    invalidations.add(["one more"]);
    expect(invalidations.isDirty(ticket, ["other"])).toBe(true);
  });
});

describe("entries", () => {
  const entry = (key: string, subjects: string[], bytes = 10): Entry<string> => ({
    key,
    subjects,
    bytes,
    value: `value of ${key}`,
    isBeingTouched: false,
    readAt: at(0),
    followsEcho: false,
  });
  const entriesOf = (maxEntries: number, maxBytes: number, ...put: Entry<string>[]) => {
    const entries = new Entries<string>({ maxEntries, maxBytes });
    for (const one of put) entries.put(one);
    const keys = () => ["a", "b", "c"].filter((key) => entries.find(key));
    return { entries, keys };
  };

  it("are dropped by each subject that they are about", () => {
    const { entries, keys } = entriesOf(
      9,
      99,
      entry("a", ["1", "u"]),
      entry("b", ["2", "u"]),
      entry("c", ["3"]),
    );
    expect([entries.size, entries.bytes]).toEqual([3, 30]);
    entries.drop(["2", "nobody"]);
    expect(keys()).toEqual(["a", "c"]);
    entries.drop(["u"]);
    expect(keys()).toEqual(["c"]);
    expect([entries.size, entries.bytes, entries.evicted]).toEqual([1, 10, 0]);
    entries.clear();
    expect([entries.size, entries.bytes]).toEqual([0, 0]);
    entries.put(entry("a", ["3"]));
    entries.drop(["3"]);
    expect(keys()).toEqual([]);
  });

  it("make room by number and by bytes, the one used longest ago first", () => {
    const byNumber = entriesOf(2, 99, entry("a", []), entry("b", []));
    byNumber.entries.find("a");
    byNumber.entries.put(entry("c", []));
    expect(byNumber.keys()).toEqual(["a", "c"]);
    expect(byNumber.entries.evicted).toBe(1);
    const byBytes = entriesOf(9, 20, entry("a", []), entry("b", []));
    expect(byBytes.keys()).toEqual(["a", "b"]);
    byBytes.entries.put(entry("c", [], 11));
    expect(byBytes.keys()).toEqual(["c"]);
    expect([byBytes.entries.evicted, byBytes.entries.bytes]).toEqual([2, 11]);
  });

  it("under the key of another one take its place, its bytes and its subjects", () => {
    const { entries, keys } = entriesOf(9, 99, entry("a", ["1"], 10), entry("a", ["2"], 20));
    expect([entries.size, entries.bytes]).toEqual([1, 20]);
    entries.drop(["1"]);
    expect(keys()).toEqual(["a"]);
    entries.drop(["2"]);
    expect(keys()).toEqual([]);
  });
});
