import { describe, expect, test } from "vitest";
import {
  type MigrationPhase,
  mayFollow,
  migrationPhases,
  mustReread,
  mustRewrite,
  phasesAhead,
  routeOf,
} from "../../src/migrate/phases.js";

describe("phases", () => {
  test.each<[MigrationPhase, readonly MigrationPhase[]]>([
    ["off", ["expand"]],
    ["expand", ["backfill", "off"]],
    ["backfill", ["verify", "off"]],
    ["verify", ["switching", "off"]],
    ["switching", ["switched", "expand"]],
    ["switched", ["reverting", "contracting"]],
    ["reverting", ["expand"]],
    ["contracting", ["contracted"]],
    ["contracted", []],
  ])("from %s a migration goes to %j and nowhere else", (from, to) => {
    expect(migrationPhases.filter((phase) => mayFollow(from, phase)).sort()).toEqual([...to].sort());
  });

  test("up leads from the start to where reads are switched, and no further", () => {
    expect(phasesAhead("off", "up")).toEqual(["expand", "backfill", "verify", "switching", "switched"]);
    expect(phasesAhead("backfill", "up", "verify")).toEqual(["verify"]);
    expect(phasesAhead("switched", "up")).toEqual([]);
    expect(phasesAhead("verify", "up", "backfill")).toBeUndefined();
    for (const beyond of ["reverting", "contracting", "contracted"] as const)
      expect(phasesAhead(beyond, "up")).toBeUndefined();
  });

  test("contract leads on from where reads are switched, and from nowhere else", () => {
    const ways = migrationPhases.map((phase) => phasesAhead(phase, "contract"));
    const none = undefined;
    const last = ["contracting", "contracted"];
    expect(ways).toEqual([none, none, none, none, none, last, none, ["contracted"], []]);
  });

  test.each<[MigrationPhase, readonly MigrationPhase[] | undefined]>([
    ["off", []],
    ["expand", ["off"]],
    ["backfill", ["off"]],
    ["verify", ["off"]],
    ["switching", ["expand", "off"]],
    ["switched", ["reverting", "expand", "off"]],
    ["reverting", ["expand", "off"]],
    ["contracting", undefined],
    ["contracted", undefined],
  ])("back from %s: %j", (from, way) => {
    expect(phasesAhead(from, "rollback")).toEqual(way);
  });

  const steps = migrationPhases.flatMap((from) =>
    migrationPhases.filter((to) => mayFollow(from, to)).map((to) => [from, to] as const),
  );

  test.each(steps)("while some go by %s and others by %s, what one reads the other writes", (from, to) => {
    // "off" is left and reached while only the old layout is read, so that it needs no more than that.
    const [a, b] = [routeOf(from), routeOf(to)];
    expect(b.write).toContain(a.read === b.read ? a.read : b.read);
    if (from !== "contracting" && to !== "contracting") expect(b.write).toContain(a.read);
    expect(a.write).toContain(b.read);
  });

  test.each(steps)(
    "from %s to %s a side that begins to be read has been written first before",
    (from, to) => {
      const [a, b] = [routeOf(from), routeOf(to)];
      if (a.read !== b.read) expect(a.write[0]).toBe(b.read);
    },
  );

  test("an act is repeated where it matters, and nowhere else", () => {
    expect(mustRewrite(routeOf("off"), routeOf("expand"))).toBe(true);
    expect(mustRewrite(routeOf("expand"), routeOf("off"))).toBe(false);
    expect(mustRewrite(routeOf("verify"), routeOf("switched"))).toBe(false);
    expect(mustRewrite(routeOf("switched"), routeOf("contracting"))).toBe(false);
    expect(mustReread(routeOf("switching"), routeOf("switched"))).toBe(true);
    expect(mustReread(routeOf("expand"), routeOf("verify"))).toBe(false);
  });
});
