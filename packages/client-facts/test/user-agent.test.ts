// Headers of people and programs, many from public reports (isbot 29, 314; CrawlerDetect 283; matomo device-detector 5674;
// ua-parser-js 367, 425, 760, 769; uap-core 268, 652; express-useragent 152; counterscale 88). The right value is what the
// vendor says of its own header; what a header does not tell is unknown, never a guess.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readUserAgent, skeletonOf } from "../src/index.js";
import { browsers } from "../src/user-agent/browsers.js";
import { appStacks, bots, tools } from "../src/user-agent/programs.js";
import { systems } from "../src/user-agent/systems.js";
import { headersOfPrograms } from "./headers-of-programs.js";
import { userAgents } from "./user-agents.js";

const android = "AppleWebKit/537.36 (KHTML, like Gecko)";

describe("readUserAgent", () => {
  it("is tried on more than 140 headers", () => {
    expect(new Set(userAgents.map(([header]) => header)).size).toBeGreaterThan(140);
  });

  it.each([...userAgents, ...headersOfPrograms])("%s", (header, type, system, browser) => {
    const read = readUserAgent(header);
    expect([read.type, read.os.name ?? "-", read.browser.name ?? "-"]).toEqual([type, system, browser]);
  });

  it.each([
    ["Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", undefined, "11.0"],
    ["Mozilla/5.0 (Windows NT 6.1; WOW64) Chrome/109.0.0.0 Safari/537.36", "7", "109.0.0.0"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15", undefined, "18.1"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) Version/13.1 Safari/605.1.15", "10.13.6", "13.1"],
    [
      `Mozilla/5.0 (Linux; Android 10; K) ${android} Chrome/131.0.0.0 Mobile Safari/537.36`,
      undefined,
      "131.0.0.0",
    ],
    [`Mozilla/5.0 (Linux; Android 14; Pixel 8) ${android} Chrome/131.0.0.0 Mobile`, "14", "131.0.0.0"],
    ["Mozilla/5.0 (X11; Linux x86_64) Firefox/evil", undefined, undefined],
  ])("%s tells of its versions what is not frozen", (header, system, browser) => {
    const read = readUserAgent(header);
    expect([read.os.version, read.browser.version]).toEqual([system, browser]);
  });

  it("says nothing that is not in its lists, and versions of digits and dots, whatever comes", () => {
    const names = new Set([bots, tools, appStacks, browsers, systems].flat().map(([, name]) => name));
    for (const more of ["WhatsApp", "Chrome", "Safari", "Android WebView", "Android Browser"])
      names.add(more);
    const words = fc.constantFrom(
      ...[bots, tools, browsers, systems].flat().map(([token]) => token),
      "bot",
      "/",
      ";",
      "(",
      ")",
    );
    const header = fc.oneof(
      fc.string({ unit: "binary", maxLength: 600 }),
      fc.array(fc.oneof(words, fc.string())).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(header, (text) => {
        const { os, browser } = readUserAgent(text);
        for (const { name, version } of [os, browser]) {
          expect(name === undefined || names.has(name)).toBe(true);
          expect(version ?? "1").toMatch(/^\d[\d.]{0,31}$/);
        }
      }),
      { seed: 20, numRuns: 2_000 },
    );
  });
});

describe("skeletonOf", () => {
  it.each([
    ["a browser", "Chrome/120.0.0.0 Safari/537.36", "Chrome/131.0.6778.71 Safari/537.36"],
    [
      "iOS in an app",
      "Mobile/21G93 Instagram 345.0.0.28.88 (iPhone15,3; iOS 17_6_1; en_US)",
      "Mobile/22A3354 Instagram 346.1.0.2.9 (iPhone15,3; iOS 18_0; en_US)",
    ],
    ["Android's monthly patch", "SM-S918B Build/UP1A.231005.007; wv)", "SM-S918B Build/AP3A.240905.015; wv)"],
    ["a car", "Tesla/2024.20.1-b6de7b3a5f1e", "Tesla/2024.26.3-1a2b3c4d5e6f"],
    ["an app with its version in a word", "musical_ly_34.2.0 JsSdk/2.0", "musical_ly_35.0.1 JsSdk/2.1"],
    ["a change of network", "MicroMessenger/8.0.19 NetType/WIFI", "MicroMessenger/8.0.20 NetType/4G"],
    [
      "Gecko's revision",
      "(X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
      "(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ],
  ])("stays as it is after an update of %s", (_name, before, after) => {
    expect(skeletonOf(after)).toBe(skeletonOf(before));
  });

  it.each([
    ["another model", "(Linux; Android 14; SM-S918B)", "(Linux; Android 14; Pixel 8)"],
    ["another browser", "Chrome/131.0.0.0 Safari/537.36", "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"],
    ["another system", "(Windows NT 10.0; Win64; x64)", "(X11; Linux x86_64)"],
    ["another language of an app", "Instagram 1.0 (en_US)", "Instagram 1.0 (de_DE)"],
  ])("tells %s apart", (_name, one, other) => {
    expect(skeletonOf(one)).not.toBe(skeletonOf(other));
  });
});
