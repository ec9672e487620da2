import { userAgents } from "@org/client-facts/test-user-agents";
import { deviceModels } from "@org/dev-kit/identity-data";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../src/core/limits.js";
import { capUserAgent, detectDevice, deviceHashOf } from "../src/stored/device.js";

describe("detectDevice", () => {
  it("knows at least 60 real user agents", () => {
    expect(new Set(userAgents.map(([header]) => header)).size).toBeGreaterThanOrEqual(60);
  });

  it.each(userAgents)("%s", (header, type, os, browser) => {
    const device = detectDevice(header);
    const known = (name: string) => (name === "-" ? undefined : name);
    expect({ type: device.type, os: device.os.name, browser: device.browser.name }).toEqual({
      type,
      os: known(os),
      browser: known(browser),
    });
    const unknown = type === "bot" || type === "client" ? "an unknown program" : "an unknown browser";
    expect(device.label).toContain(known(browser) ?? unknown);
  });

  it.each([undefined, "", "   ", "\u0000\u0001", "\n"])("calls %j unknown", (header) => {
    expect(detectDevice(header)).toEqual({
      os: {},
      browser: {},
      type: "unknown",
      label: "an unknown browser",
    });
  });

  it("reads any header within the bounds of the schema", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (header) => {
        const { label, os, browser } = detectDevice(header);
        expect(label.length).toBeGreaterThan(0);
        expect(label.length).toBeLessThanOrEqual(limits.name);
        for (const part of [os, browser]) {
          expect(part.name?.length ?? 0).toBeLessThanOrEqual(64);
          expect(part.version?.length ?? 0).toBeLessThanOrEqual(32);
        }
      }),
    );
  });

  // OWASP www-community 1127: a link in a header gets into a mail that our sender vouches for.
  it.each([
    "Mozilla/5.0 (Linux; Android 10; Your account is locked. Go to https://evil.example/unlock) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
    "click-evil-example-com-bot",
    "evil.example/pay-now",
    "Mozilla/5.0 (compatible; evil.example-bot/1.0; +https://evil.example)",
    "Mozilla/5.0 (Windows NT evil.example) evilbrowser/1 Firefox/evil.example",
    "Instagram https://evil.example",
  ])("takes nothing of %j into what others read", (header) => {
    expect(JSON.stringify(detectDevice(header))).not.toMatch(/evil|locked/i);
  });

  it("composes every label of known words", () => {
    const names = new Set(userAgents.flatMap(([, , os, browser]) => [os, browser]));
    for (const header of userAgents.map(([first]) => first)) {
      for (const part of detectDevice(header).label.split(" on ")) {
        expect(["an unknown browser", "an unknown program", ...names]).toContain(part);
      }
    }
  });

  it("looks at the first 512 characters only, so a hostile header costs nothing", () => {
    expect(capUserAgent("a".repeat(5_000_000))).toHaveLength(limits.userAgent);
    expect(detectDevice(`${" ".repeat(600)}curl/8.5.0`).type).toBe("unknown");
  });
});

describe("deviceHashOf", () => {
  const [header] = userAgents[0] ?? [""];

  it("stays the same when the browser is updated", () => {
    const updated = header.replace("Chrome/131", "Chrome/132");
    expect(deviceHashOf(detectDevice(updated))).toEqual(deviceHashOf(detectDevice(header)));
  });

  it("tells browsers apart, and follows the device cookie where there is one", () => {
    const device = detectDevice(header);
    const firefox = detectDevice(
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    );
    expect(deviceHashOf(firefox)).not.toEqual(deviceHashOf(device));
    expect(deviceHashOf(firefox, "cookie")).toEqual(deviceHashOf(device, "cookie"));
  });

  it.each(deviceModels)(
    "agrees with the generated data on $device.label",
    ({ userAgent, device, deviceHash }) => {
      expect(detectDevice(userAgent)).toEqual(device);
      expect(deviceHashOf(device as ReturnType<typeof detectDevice>)).toEqual(deviceHash);
    },
  );
});
