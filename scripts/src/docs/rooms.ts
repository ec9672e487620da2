import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { floors, roomOf } from "../../floors.mjs";

export interface Room {
  readonly name: string;
  /** Its files. */
  readonly files: number;
  /** The rooms whose files its own import. */
  readonly imports: ReadonlySet<string>;
}

/** The rooms of a package, floor by floor, from the top down. */
export function roomsOf(root: string, workspace: string): readonly (readonly Room[])[] {
  const levels = floors[workspace];
  if (!levels) throw new Error(`${workspace} has no floors in scripts/floors.mjs`);
  const source = join(root, workspace, "src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(source, file));
  const room = (name: string): Room => {
    const own = files.filter((file) => roomOf(file) === name);
    const imports = new Set(own.flatMap(importsOf).map(roomOf));
    imports.delete(name);
    return { name, files: own.length, imports };
  };
  return levels.map((names) => names.map(room));
}

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, "utf8"));
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((name) => name.startsWith("."))
    .map((name) => join(dirname(file), name));
}

/** Of each room's imports those that do not follow from others: a picture of all would show little. */
export function withoutImplied(levels: readonly (readonly Room[])[]): readonly (readonly [Room, Room])[] {
  const rooms = new Map(levels.flat().map((room) => [room.name, room]));
  const reach = (room: Room): Set<string> =>
    new Set([...room.imports].flatMap((name) => [name, ...reach(rooms.get(name) as Room)]));
  return [...rooms.values()].flatMap((room) => {
    const direct = [...room.imports].map((name) => rooms.get(name) as Room);
    const implied = new Set(direct.flatMap((other) => [...reach(other)]));
    return direct.filter(({ name }) => !implied.has(name)).map((other) => [room, other] as const);
  });
}
