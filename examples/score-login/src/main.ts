import { chapters, inWords, tell } from "./story.js";

const told = tell(chapters);
// The first days are all alike.
process.stdout.write(
  `${inWords([told[0], told[1], ...told.slice(14)].filter((one) => one !== undefined)).join("\n")}\n`,
);
