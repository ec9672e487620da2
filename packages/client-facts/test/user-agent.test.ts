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

  // Header, version of the system, version of the browser or program.
  it.each<[string, string | undefined, string | undefined]>([
    ["Mozilla/5.0 (Windows NT 6.2; Win64; x64) Chrome/109.0.0.0 Safari/537.36", "8", "109.0.0.0"],
    ["Mozilla/5.0 (Windows NT 6.3; Win64; x64) Chrome/109.0.0.0 Safari/537.36", "8.1", "109.0.0.0"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36", undefined, "131.0.0.0"],
    ["Mozilla/5.0 (Windows NT 5.1) Firefox/52.0", undefined, "52.0"],
    ["Mozilla/5.0 (Linux; Android 4.4.22; GT-I9505) Chrome/81.0 Mobile Safari/537.36", "4.4.22", "81.0"],
    ["Mozilla/5.0 (Linux; Android 10; SM-A505F) Chrome/131.0.0.0 Mobile Safari/537.36", "10", "131.0.0.0"],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_16_1 like Mac OS X) Version/17.6 Mobile/15E148 Safari/604.1",
      "17.16.1",
      "17.6",
    ],
    ["Mozilla/5.0 (iPad; CPU OS 9_3_15 like Mac OS X) Version/9.0 Mobile Safari/601.1", "9.3.15", "9.0"],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) CriOS/131.0.1 Mobile Safari/604.1",
      "18",
      "131.0.1",
    ],
    ["Mozilla/5.0 (X11; CrOS x86_64 14541.10.20) Chrome/131.0.0.0 Safari/537.36", "14541.10.20", "131.0.0.0"],
    ["Mozilla/5.0 (Phone; OpenHarmony 5.10.20) ArkWeb/4.1.6.1 Mobile", "5.10.20", undefined],
    ["Mozilla/5.0 (Linux; HarmonyOS 3.10.25; ALN) HuaweiBrowser/15.0.4", "3.10.25", "15.0.4"],
    ["Mozilla/5.0 (Mobile; Nokia 8110; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.15.20", "2.15.20", "48.0"],
    ["Mozilla/5.0 (SMART-TV; LINUX; Tizen 12.10.35) Version/2.4.0 TV Safari/538.1", "12.10.35", undefined],
    ["Mozilla/5.0 (PlayStation; PlayStation 5/12.10.25) Version/13.0 Safari/605.1.15", "12.10.25", undefined],
    ["Mozilla/5.0 (Windows NT 10.0) Chrome/64.0 Safari/537.36 Edge/17.17134", undefined, "17.17134"],
    ["Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)", "7", "8.0"],
    ["[FBAN/FBIOS;FBAV/465.0.0.41;FBDV/iPhone15,2;FBSN/iOS]", undefined, "465.0.0.41"],
    ["Mozilla/5.0 (Linux; Android 14; SM) musical_ly_34.2.0 JsSdk/2.0", "14", "34.2.0"],
    ["Googlebot/2.1 (+http://www.google.com/bot.html)", undefined, "2.1"],
    ["Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)", undefined, "1.4.8"],
    ["Faraday v2.9.0", undefined, "2.9.0"],
    ["curl/8.5.0.", undefined, "8.5.0"],
    ["curl built at home 7", undefined, undefined],
    [`curl/${"1.".repeat(40)}1`, undefined, "1.".repeat(16).replace(/\.$/, "")],
    ["Mozilla/5.0 (Macintosh) Version/18.1 Safari/605.1.15", undefined, "18.1"],
  ])("of %s tells the versions", (header, system, browser) => {
    const read = readUserAgent(header);
    expect([read.os.version, read.browser.version]).toEqual([system, browser]);
  });

  it.each<[string, boolean]>([
    ["a crawler", true],
    ["bot", true],
    ["my-own.crawler/1.0", true],
    ["Mozilla/5.0 (compatible; Some-Spider; +https://example.org)", true],
    ["Mozilla/5.0 (Linux; Android 14; Cubot X70) Chrome/131.0.0.0 Mobile Safari/537.36", false],
    ["Googlebot/2.1 (+http://www.google.com/bot.html)", true],
    ["HeadlessChrome/131.0.0.0", true],
    ["curl/8.5.0", true],
    ["python-requests/2.32.3", true],
    ["okhttp/4.12.0", false],
    ["Shop/3 CFNetwork/1496.0.7 Darwin/23.5.0", false],
    ["WhatsApp/2.23.20.0", true],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36", false],
    ["", false],
  ])("says whether a program is automated: %s", (header, automated) => {
    expect(readUserAgent(header).automated).toBe(automated);
  });

  it.each<[header: string, type: string, system: string | undefined, browser: string | undefined]>([
    [
      `Mozilla/5.0 (Linux; U; Android 4.0.3; GT) ${android} Version/4.0 Mobile Safari/534.30`,
      "mobile",
      "Android",
      "Android Browser",
    ],
    ["Mozilla/5.0 (Linux; Android 4.0.3; GT) Version/4.0", "tablet", "Android", undefined],
    ["Mozilla/5.0 (Linux; Android 4.0.3; GT) Safari/534.30", "tablet", "Android", undefined],
    ["Mozilla/5.0 (X11; Linux x86_64) Version/4.0 Safari/534.30", "desktop", "Linux", undefined],
    ["Mozilla/5.0 (X11; Linux aarch64) Chrome/120.0 Mobile Safari/537.36", "unknown", "Linux", "Chrome"],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Mobile/15E148 Safari/604.1",
      "desktop",
      "macOS",
      "Safari",
    ],
    ["Mozilla/5.0 (Macintosh) Version/18.1 Safari/605.1.15", "desktop", "macOS", "Safari"],
    ["AppleCoreMedia/1.0 (Mac OS X)", "desktop", "macOS", undefined],
    ["Mozilla/5.0 (Linux; CrKey armv7l) Chrome/120.0 Safari/537.36 CrKey/1.56", "tv", "Android", "Chrome"],
    ["Shop/1 (Apple Watch; watchOS 10)", "wearable", "watchOS", undefined],
    ["Shop/1 watchOS/10.5", "wearable", "watchOS", undefined],
    ["[FBAN/FBIOS;FBAV/465.0]", "mobile", "iOS", "Facebook"],
    [
      "Mozilla/5.0 (Linux; Android 12; Quest 3) Chrome/131.0 VR Safari/537.36",
      "wearable",
      "Android",
      "Chrome",
    ],
    ["Mozilla/5.0 (Linux; Android 9; Quest 3) Chrome/131.0 Safari/537.36", "wearable", "Android", "Chrome"],
    ["Mozilla/5.0 (Linux; Android 9; WearOS) Chrome/131.0 Safari/537.36", "wearable", "Android", "Chrome"],
    ["Mozilla/5.0 (Linux; SmartTV) Chrome/131.0 Safari/537.36", "tv", "Linux", "Chrome"],
    ["Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1) Edge/15.14977", "mobile", "Windows Phone", "Edge"],
    ["Mozilla/5.0 (Mobile; rv:48.0) Firefox/48.0 KAIOS/2.5", "mobile", "KaiOS", "Firefox"],
    ["Mozilla/5.0 (Sailfish 4.5; rv:91.0) Firefox/91.0", "mobile", "Sailfish OS", "Firefox"],
    ["Mozilla/5.0 (Web0S) Chrome/94.0 Safari/537.36", "tv", "webOS", "Chrome"],
    ["Roku/DVP-12.5", "tv", "Roku OS", undefined],
    ["AppleTV11,1/11.1", "tv", "tvOS", undefined],
    ["SAMSUNG-GT/1.0 MIDP-2.0", "mobile", undefined, undefined],
    ["Mozilla/5.0 (PLAYSTATION 3) Safari/531.22.8 Version/4", "console", "PlayStation", undefined],
    ["Mozilla/5.0 (Tizen 6.0) SamsungBrowser/4.0", "unknown", "Tizen", undefined],
    ["Roku OS Chrome/94.0", "tv", "Roku OS", undefined],
    ["A header of its own", "unknown", undefined, undefined],
    [`${"x".repeat(512)}iPhone`, "unknown", undefined, undefined],
  ])("of %s tells type, system and browser", (header, type, system, browser) => {
    const read = readUserAgent(header);
    expect([read.type, read.os.name, read.browser.name]).toEqual([type, system, browser]);
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
  }, 60_000);
});

describe("skeletonOf", () => {
  it.each([
    ["Mozilla/5.0 (Linux; Android 10; K) Chrome/131.0.0.0", "Mozilla Linux Android Chrome"],
    ["Kindle K Fire", "Kindle Fire"],
    ["musical_ly_34.2.0 JsSdk/2.0 NetType/WIFI", "musical_ly JsSdk NetType"],
    ["app_1.2_beta a//b (c)", "app_1.2_beta a c"],
    ["one / two/ three/four", "one two three"],
    ["/first second", "second"],
    ["", ""],
  ])("of %j is %j", (header, skeleton) => {
    expect(skeletonOf(header)).toBe(skeleton);
  });

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
