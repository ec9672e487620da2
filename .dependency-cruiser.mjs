// Rules for imports: no cycle between files, type imports included; between packages those that scripts/floors.mjs allows,
// and within a package only down its floors.
import { allowedImports, floors } from "./scripts/floors.mjs";

const roomPath = (workspace, room) => `^${workspace}/src/${room === "" ? "[^/]+$" : `${room}/`}`;

const betweenPackages = Object.entries(allowedImports).map(([workspace, allowed]) => ({
  name: `${workspace} imports ${allowed.join(", ") || "no other workspace"}`,
  severity: "error",
  from: { path: `^${workspace}/src/` },
  to: { path: "^(packages|apps)/", pathNot: [workspace, ...allowed].map((one) => `^${one}/`) },
}));

const downFloors = Object.entries(floors).flatMap(([workspace, levels]) =>
  levels.flatMap((rooms, level) =>
    rooms.map((room) => ({
      name: `${workspace}: ${room || "src itself"} imports from below`,
      severity: "error",
      from: { path: roomPath(workspace, room) },
      to: {
        path: `^${workspace}/src/`,
        pathNot: [room, ...levels.slice(level + 1).flat()].map((below) => roomPath(workspace, below)),
      },
    })),
  ),
);

export default {
  forbidden: [
    {
      name: "no cycle between files",
      comment: "Two files that need each other are one thing, or need a third.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "the flows know no framework",
      comment: "Express and Next.js use them as Fastify does.",
      severity: "error",
      from: { path: "^packages/fastify-identity/src/flows/" },
      to: { path: "^packages/fastify-identity/src/(?!flows/)" },
    },
    ...betweenPackages,
    ...downFloors,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(node_modules|dist|coverage|reports)/" },
    includeOnly: "^(packages|apps|scripts)/",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      conditionNames: ["@org/source", "import", "types", "default"],
      exportsFields: ["exports"],
      extensions: [".ts", ".tsx", ".mjs", ".js"],
    },
  },
};
