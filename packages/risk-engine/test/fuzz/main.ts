import { fuzz } from "./check.js";

const [cases = "1000000", seed = "1"] = process.argv.slice(2);
const started = performance.now();
const { scored } = fuzz(Number(cases), Number(seed));
const seconds = ((performance.now() - started) / 1_000).toFixed(0);
process.stdout.write(
  `${cases} cases of seed ${seed}, ${scored} of them scored: all defined, in ${seconds} s\n`,
);
