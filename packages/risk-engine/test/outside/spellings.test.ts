// Taken from public reports; each says what was met, and why the right value is right.
import { describe, expect, it } from "vitest";
import { assess, emptyProfile, learn, MemoryPopulation } from "../../src/index.js";
import type { Attempt } from "../../src/signals.js";

const at = Date.UTC(2026, 0, 5, 9);
const day = 86_400_000;
const webKit = "AppleWebKit/537.36 (KHTML, like Gecko)";
const usual = { ip: "203.0.113.7", asn: 3320, country: "DE", userAgent: "curl/8.5.0" };

/** Codes of what is new about a sign-in after thirty usual ones. */
function newAfter(before: Partial<Attempt>, now: Partial<Attempt>): string[] {
  const population = new MemoryPopulation();
  let profile = emptyProfile();
  for (let n = 0; n < 30; n++) {
    const attempt = { ...usual, ...before, at: at + n * day };
    profile = learn({ profile, attempt });
    population.record(attempt, { newUser: n === 0 });
  }
  const { reasons } = assess({ profile, population, attempt: { ...usual, ...now, at: at + 30 * day } });
  return reasons.map(({ code }) => code).filter((code) => code.startsWith("new_"));
}

describe("one operator and one country in two spellings", () => {
  // MaxMind gives 3320, ipinfo AS3320, other lists a name as well: after a change of the list nobody is somewhere new.
  it.each<Partial<Attempt>>([
    { asn: "3320" },
    { asn: "AS3320" },
    { asn: "as3320" },
    { asn: "AS 3320" },
    { asn: "AS3320 Deutsche Telekom AG" },
    { asn: "AS03320" },
    { country: "de" },
    { country: " De " },
  ])("%j is nothing new", (spelling) => {
    expect(newAfter({}, spelling)).toEqual([]);
    expect(newAfter(spelling, {})).toEqual([]);
  });

  it.each<[Partial<Attempt>, string]>([
    [{ asn: 3321 }, "new_operator"],
    [{ asn: "AS332" }, "new_operator"],
    [{ asn: "3320X" }, "new_operator"],
    [{ country: "AT" }, "new_country"],
  ])("%j is", (other, code) => {
    expect(newAfter({}, other)).toContain(code);
  });
});

describe("updates are no novelty (laravel-authentication-log 40, quackback 525)", () => {
  it.each([
    [
      "iOS, in an app's web view",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21G93",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22A3354",
    ],
    [
      "Android's security patch and the web view",
      `Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) ${webKit} Version/4.0 Chrome/128.0.6613.127 Mobile Safari/537.36`,
      `Mozilla/5.0 (Linux; Android 15; SM-S918B Build/AP3A.240905.015; wv) ${webKit} Version/4.0 Chrome/129.0.6668.70 Mobile Safari/537.36`,
    ],
    [
      "a car",
      `Mozilla/5.0 (X11; GNU/Linux) ${webKit} Chrome/109.0.5414.119 Safari/537.36 Tesla/2024.20.1-b6de7b3a5f1e`,
      `Mozilla/5.0 (X11; GNU/Linux) ${webKit} Chrome/120.0.6099.1 Safari/537.36 Tesla/2024.26.9-1a2b3c4d5e6f`,
    ],
  ])("%s", (_name, before, after) => {
    expect(newAfter({ userAgent: before }, { userAgent: after })).toEqual([]);
  });

  it("but another browser is one", () => {
    const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const chrome = `Mozilla/5.0 (X11; Linux x86_64) ${webKit} Chrome/140.0.0.0 Safari/537.36`;
    expect(newAfter({ userAgent: firefox }, { userAgent: chrome })).toEqual(["new_browser", "new_agent"]);
  });
});

describe("who is a program (isbot 29, CrawlerDetect 283)", () => {
  const isProgram = (userAgent: string) =>
    assess({
      profile: emptyProfile(),
      population: new MemoryPopulation(),
      attempt: { at, userAgent },
    }).reasons.some(({ code }) => code === "automated");

  it.each(["CUBOT NOTE 20", "M bot 60 Build/NRD90M; wv", "M BOT TAB 101 Build/MOB30R", "Robot Tab 10"])(
    "the model %s is none",
    (model) => {
      expect(
        isProgram(
          `Mozilla/5.0 (Linux; Android 11; ${model}) ${webKit} Chrome/120.0.0.0 Mobile Safari/537.36`,
        ),
      ).toBe(false);
    },
  );

  it.each([
    "MJ12bot/1.4",
    "Mozilla/5.0 (compatible; NewBot/1.0; +https://example.com/bot)",
    "curl/8.7.1",
    "node",
  ])("%s is one", (header) => {
    expect(isProgram(header)).toBe(true);
  });
});
