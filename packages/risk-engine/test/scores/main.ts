/** `npm run scores` stores the scores of today: only where they are meant to change. */
import { writeFileSync } from "node:fs";
import { scoreAll } from "./cases.js";

const rows = scoreAll().map((row) => `  ${JSON.stringify(row).replaceAll(",", ", ")}`);
writeFileSync(new URL("./scores.json", import.meta.url), `[\n${rows.join(",\n")}\n]\n`);
