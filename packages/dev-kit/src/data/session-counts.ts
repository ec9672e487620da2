import { Random } from "./random.js";

// A log-normal with median 2.5, which floors to 2, whose 99th percentile is 28.
const logMedian = Math.log(2.5);
const logSpread = Math.log(28.5 / 2.5) / 2.326;
/** Users above the 99th percentile: automation and the very busy. They hold what the others leave over. */
const busyShare = 0.01;
const countStream = 0x5e55;

/**
 * How many sessions each user has. Median 2 and 99th percentile 28 where `sessions` is at least four per user; the
 * busiest hundredth holds the rest. With fewer sessions everybody has proportionally fewer. Four bytes per user.
 */
export function sessionCounts(users: number, sessions: number, seed: number): Uint32Array {
  const counts = new Uint32Array(users);
  const busy = Math.min(Math.ceil(users * busyShare), users);
  const random = new Random(seed, countStream);
  const drawn = drawOrdinary(counts, busy, random);
  const scale = Math.min(1, sessions / Math.max(drawn + busy * 28, 1));
  const left = scaleDown(counts, busy, scale, sessions);
  shareAmongBusy(counts, busy, left);
  return counts;
}

function drawOrdinary(counts: Uint32Array, busy: number, random: Random): number {
  let total = 0;
  for (let user = busy; user < counts.length; user++) {
    const count = Math.min(Math.floor(Math.exp(logMedian + logSpread * normal(random))), 28);
    counts[user] = count;
    total += count;
  }
  return total;
}

// Carries the fractions along, so that the total comes out right however small each share is.
function scaleDown(counts: Uint32Array, busy: number, scale: number, sessions: number): number {
  let left = sessions;
  let carried = 0;
  for (let user = busy; user < counts.length; user++) {
    carried += (counts[user] as number) * scale;
    const count = Math.min(Math.floor(carried), left);
    carried -= count;
    counts[user] = count;
    left -= count;
  }
  return left;
}

/** The first users are the busy ones; the first of them the busiest, twice as busy as the last. */
function shareAmongBusy(counts: Uint32Array, busy: number, sessions: number): void {
  let left = sessions;
  for (let user = 0; user < busy; user++) {
    const others = busy - user;
    const weight = others === 1 ? 1 : Math.min((2 - user / busy) / 1.5, others);
    const count = others === 1 ? left : Math.min(Math.floor((left / others) * weight), left);
    counts[user] = count;
    left -= count;
  }
}

// Box and Muller's transform.
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.fraction()));
  return radius * Math.cos(2 * Math.PI * random.fraction());
}
