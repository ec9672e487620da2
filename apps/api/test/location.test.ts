import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyRequest } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { locator } from "../src/location.js";
import { mmdbOf } from "./support/mmdb.js";

let folder: string;
let cityDatabase: string;
let asnDatabase: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmdb-"));
  cityDatabase = join(folder, "city.mmdb");
  asnDatabase = join(folder, "asn.mmdb");
  const oslo = {
    city: { names: { en: "Oslo" } },
    country: { iso_code: "NO" },
    subdivisions: [{ names: { en: "Oslo County" } }],
    location: { latitude: 59.9127, longitude: 10.7461, accuracy_radius: 20 },
  };
  const cities = { "203.0.113.0/24": oslo, "198.51.100.0/25": { country: { iso_code: "BR" } } };
  await writeFile(cityDatabase, mmdbOf("Test-City", cities));
  await writeFile(
    asnDatabase,
    mmdbOf("Test-ASN", { "203.0.113.0/24": { autonomous_system_number: 64_500 } }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

const from = (ip: string, headers = {}) =>
  ({ ip, headers, socket: { remoteAddress: "10.0.0.1" } }) as unknown as FastifyRequest;

describe("the locator", () => {
  test("reads place, accuracy and operator from the databases", async () => {
    const locate = await locator({ cityDatabase, asnDatabase });
    expect(locate(from("203.0.113.9"))).toEqual({
      location: { country: "NO", region: "Oslo County", city: "Oslo", latitude: 59.9127, longitude: 10.7461 },
      accuracyKm: 20,
      asn: 64_500,
    });
    expect(locate(from("198.51.100.7"))).toEqual({ location: { country: "BR" } });
    expect(locate(from("198.51.100.200"))).toEqual({ location: {} });
    expect(locate(from("192.0.2.1"))).toEqual({ location: {} });
  });

  test("asks the country header where the databases don't know", async () => {
    const locate = await locator({ cityDatabase, countryHeader: "cf-ipcountry" });
    expect(locate(from("192.0.2.1", { "cf-ipcountry": "DE" }))).toEqual({ location: { country: "DE" } });
    expect(locate(from("203.0.113.9", { "cf-ipcountry": "DE" }))?.location.country).toBe("NO");
  });

  test.each(["a file that is not there", "a file that is no database"])("refuses %s", async (name) => {
    const path = join(folder, "broken.mmdb");
    if (name.endsWith("database")) await writeFile(path, "no database");
    await expect(locator({ cityDatabase: path })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("ORG_API_CITY_DATABASE"),
    });
  });
});
