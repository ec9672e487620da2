/** Where a migration is. In this order on the way up; `reverting` is on the way back. */
export const migrationPhases = [
  "off",
  "expand",
  "backfill",
  "verify",
  "switching",
  "switched",
  "reverting",
  "contracting",
  "contracted",
] as const;

/** One of {@link migrationPhases}. */
export type MigrationPhase = (typeof migrationPhases)[number];

/** One of the two layouts. */
export type Layout = "source" | "target";

/** An application's reads and writes in a phase. */
export interface MigrationRoute {
  readonly phase: MigrationPhase;
  /** The layout that reads are answered from. */
  readonly read: Layout;
  /** The layouts that each write goes to, in this order; it is done when all of them have it. */
  readonly write: readonly Layout[];
}

/**
 * An application's reads and writes in each phase. Between two adjacent phases processes differ for a moment, so each
 * must write what the others read. A process that dies between its two writes leaves one that no reader has seen: just
 * before a side begins to be read, and for as long as it is updated, it is written first.
 */
const routes: { readonly [P in MigrationPhase]: Omit<MigrationRoute, "phase"> } = {
  off: { read: "source", write: ["source"] },
  expand: { read: "source", write: ["source", "target"] },
  backfill: { read: "source", write: ["source", "target"] },
  verify: { read: "source", write: ["source", "target"] },
  switching: { read: "source", write: ["target", "source"] },
  switched: { read: "target", write: ["target", "source"] },
  reverting: { read: "target", write: ["source", "target"] },
  contracting: { read: "target", write: ["target"] },
  contracted: { read: "target", write: ["target"] },
};

const transitions: { readonly [P in MigrationPhase]: readonly MigrationPhase[] } = {
  off: ["expand"],
  expand: ["backfill", "off"],
  backfill: ["verify", "off"],
  verify: ["switching", "off"],
  switching: ["switched", "expand"],
  switched: ["reverting", "contracting"],
  reverting: ["expand"],
  contracting: ["contracted"],
  contracted: [],
};

/** An application's reads and writes in a phase. Pure. */
export function routeOf(phase: MigrationPhase): MigrationRoute {
  return { phase, ...routes[phase] };
}

/** Whether a migration may go from one phase to another. Pure. */
export function mayFollow(from: MigrationPhase, to: MigrationPhase): boolean {
  return transitions[from].includes(to);
}

/** The phase that `rollback` goes to next; nothing where there is no way back, or nothing to go back from. Pure. */
function nextBack(phase: MigrationPhase): MigrationPhase | undefined {
  const back = { switching: "expand", switched: "reverting", reverting: "expand" } as const;
  if (phase in back) return back[phase as keyof typeof back];
  return mayFollow(phase, "off") ? "off" : undefined;
}

/** The commands that take a migration from phase to phase. */
export type MigrationWay = "up" | "rollback" | "contract";

/** Where `up` may stop. */
export type UpTo = "expand" | "backfill" | "verify" | "switched";

/** The phases that a way still leads through from here; nothing where it may not be gone. Pure. */
export function phasesAhead(
  phase: MigrationPhase,
  way: MigrationWay,
  to: UpTo = "switched",
): readonly MigrationPhase[] | undefined {
  if (way === "rollback") return phasesBack(phase);
  const first = way === "up" ? "off" : "switched";
  const last = way === "up" ? to : "contracted";
  const stations: readonly MigrationPhase[] = migrationPhases
    .slice(migrationPhases.indexOf(first), migrationPhases.indexOf(last) + 1)
    .filter((station) => station !== "reverting");
  return stations.includes(phase) ? stations.slice(stations.indexOf(phase) + 1) : undefined;
}

function phasesBack(phase: MigrationPhase): readonly MigrationPhase[] | undefined {
  if (phase === "contracting" || phase === "contracted") return undefined;
  const back: MigrationPhase[] = [];
  for (let next = nextBack(phase); next; next = nextBack(next)) back.push(next);
  return back;
}

/** Whether an answer that was read by one route must be read again by another. Pure. */
export function mustReread(used: MigrationRoute, current: MigrationRoute): boolean {
  return used.read !== current.read;
}

/** Whether a write that was made by one route must be made again by another: the latter writes a layout more. Pure. */
export function mustRewrite(used: MigrationRoute, current: MigrationRoute): boolean {
  return current.write.some((layout) => !used.write.includes(layout));
}
