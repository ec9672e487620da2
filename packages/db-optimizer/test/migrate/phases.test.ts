import { describe, expect, test } from "vitest";
import {
  type MigrationPhase,
  mayFollow,
  migrationPhases,
  mustReread,
  mustRewrite,
  nextBack,
  nextUp,
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
    const way: MigrationPhase[] = ["off"];
    for (let next = nextUp("off"); next; next = nextUp(next)) way.push(next);
    expect(way).toEqual(["off", "expand", "backfill", "verify", "switching", "switched"]);
    expect((["reverting", "contracting", "contracted"] as const).map(nextUp)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test.each<[MigrationPhase, readonly MigrationPhase[]]>([
    ["off", []],
    ["expand", ["off"]],
    ["backfill", ["off"]],
    ["verify", ["off"]],
    ["switching", ["expand", "off"]],
    ["switched", ["reverting", "expand", "off"]],
    ["reverting", ["expand", "off"]],
    ["contracting", []],
    ["contracted", []],
  ])("back from %s: %j", (from, way) => {
    const gone: MigrationPhase[] = [];
    for (let next = nextBack(from); next; next = nextBack(next)) gone.push(next);
    expect(gone).toEqual(way);
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
