import { type Room, roomsOf, withoutImplied } from "./rooms.js";

const width = 860;
const rowHeight = 92;
const boxHeight = 44;
const margin = 20;
const gap = 24;
/** Room that an arrow takes where it passes a floor. */
const passageWidth = 12;

/** A place on a floor: a room, or the passage of an arrow to a floor further down. */
interface Place {
  readonly room?: Room;
  readonly width: number;
  /** The places above it from which arrows come. */
  readonly above: Place[];
  x: number;
}

type Arrow = readonly Place[];

/**
 * The floors of a package as an SVG: a row a floor, a box a room with the number of its files, and an arrow from each room
 * to those that it imports. An arrow that follows from others is left out.
 */
export function floorsPicture(root: string, workspace: string): string {
  const levels = roomsOf(root, workspace);
  const { rows, arrows } = placesOf(levels);
  for (const row of rows) arrange(row);
  const height = rows.length * rowHeight - (rowHeight - boxHeight) + 2 * margin;
  const title = `The floors of ${workspace}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}" font-family="system-ui, sans-serif">`,
    `<title>${title}</title>`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b6b7d"/></marker></defs>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...rows.map((_, level) => floorLine(level)),
    ...arrows.map((arrow) => arrowPath(arrow, levelOf(rows, arrow[0]))),
    ...rows.flatMap((row, level) =>
      row.flatMap((place) => (place.room ? [box(place, place.room, level)] : [])),
    ),
    "</svg>",
    "",
  ].join("\n");
}

function placesOf(levels: readonly (readonly Room[])[]): { rows: Place[][]; arrows: Arrow[] } {
  const placeOf = new Map<Room, Place>();
  const rows = levels.map((rooms) =>
    rooms.map((room) => {
      const place: Place = { room, width: Math.max(104, 40 + 8 * labelOf(room).length), above: [], x: 0 };
      placeOf.set(room, place);
      return place;
    }),
  );
  const levelOfRoom = (room: Room) => levels.findIndex((rooms) => rooms.includes(room));
  const arrows = withoutImplied(levels).map(([from, to]) => {
    const arrow = [placeOf.get(from) as Place];
    for (let level = levelOfRoom(from) + 1; level < levelOfRoom(to); level++) {
      const passage: Place = { width: passageWidth, above: [], x: 0 };
      rows[level]?.push(passage);
      arrow.push(passage);
    }
    arrow.push(placeOf.get(to) as Place);
    for (const [index, place] of arrow.slice(1).entries()) place.above.push(arrow[index] as Place);
    return arrow;
  });
  return { rows, arrows };
}

/** Sets a row's places beside each other, each as near to what is above it as the order allows. */
function arrange(row: Place[]): void {
  const wish = (place: Place) =>
    place.above.length === 0
      ? width / 2
      : place.above.reduce((sum, { x }) => sum + x, 0) / place.above.length;
  const inOrder = row.map((place, index) => ({ place, at: wish(place), index }));
  inOrder.sort((one, other) => one.at - other.at || one.index - other.index);
  row.splice(0, row.length, ...inOrder.map(({ place }) => place));
  const taken = row.reduce((sum, place) => sum + place.width, 0);
  const between = Math.min(3 * gap, (width - 2 * margin - taken) / Math.max(1, row.length - 1));
  let left = (width - taken - between * (row.length - 1)) / 2;
  for (const place of row) {
    place.x = left + place.width / 2;
    left += place.width + between;
  }
}

function levelOf(rows: readonly (readonly Place[])[], place: Place | undefined): number {
  return rows.findIndex((row) => row.some((one) => one === place));
}

const top = (level: number) => margin + level * rowHeight;
const labelOf = ({ name }: Room) => name || "src itself";

function floorLine(level: number): string {
  const y = top(level) + boxHeight / 2;
  return `<rect x="0" y="${y - rowHeight / 2}" width="${width}" height="${rowHeight}" fill="${level % 2 === 0 ? "#f4f7fa" : "#ffffff"}"/>`;
}

function box({ x, width: wide }: Place, room: Room, level: number): string {
  const y = top(level);
  const files = `${room.files} ${room.files === 1 ? "file" : "files"}`;
  return [
    `<rect x="${round(x - wide / 2)}" y="${y}" width="${wide}" height="${boxHeight}" rx="6" fill="#e3edf8" stroke="#4a6f98"/>`,
    `<text x="${round(x)}" y="${y + 19}" text-anchor="middle" font-size="14" font-weight="600" fill="#16283c">${labelOf(room)}</text>`,
    `<text x="${round(x)}" y="${y + 35}" text-anchor="middle" font-size="11" fill="#43566b">${files}</text>`,
  ].join("\n");
}

/** A curve from the lower edge of a room through the passages to the upper edge of another. */
function arrowPath(arrow: Arrow, level: number): string {
  let path = "";
  for (const [index, { x }] of arrow.entries()) {
    const upper = top(level + index);
    const isLast = index === arrow.length - 1;
    if (index > 0) {
      const before = arrow[index - 1] as Place;
      const from = upper - rowHeight + boxHeight;
      const to = isLast ? upper - 1 : upper;
      const middle = (from + to) / 2;
      path += `C${round(before.x)} ${middle} ${round(x)} ${middle} ${round(x)} ${to}`;
      if (!isLast) path += `V${upper + boxHeight}`;
    } else path += `M${round(x)} ${upper + boxHeight}`;
  }
  return `<path d="${path}" fill="none" stroke="#5b6b7d" stroke-width="1.3" marker-end="url(#tip)"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
