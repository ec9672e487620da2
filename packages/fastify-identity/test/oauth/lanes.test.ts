// Deliveries to many receivers: bounds, and receivers that fail.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Lanes } from "../../src/oauth/lanes.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A receiver whose deliveries end when they are told to. */
function receiver(lanes: Lanes, name: string) {
  const open: Array<(answered: boolean) => void> = [];
  let begun = 0;
  const add = (count: number) => {
    for (let more = 0; more < count; more++)
      lanes.add(name, () => {
        begun += 1;
        return new Promise((resolve) => open.push(resolve));
      });
  };
  const end = async (answered: boolean, count = open.length) => {
    for (const resolve of open.splice(0, count)) resolve(answered);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { add, end, begun: () => begun };
}

test("at most four at a time to one, and 64 to all", async () => {
  const lanes = new Lanes();
  const receivers = Array.from({ length: 20 }, (_, index) => receiver(lanes, `r${index}`));
  for (const one of receivers) one.add(10);
  const begun = () => receivers.map((one) => one.begun());
  expect(begun()).toEqual([...Array(16).fill(4), 0, 0, 0, 0]);
  await receivers[0]?.end(true, 1);
  expect(begun().reduce((sum, one) => sum + one, 0)).toBe(65);
  for (let round = 0; round < 60; round++) for (const one of receivers) await one.end(true);
  expect(begun()).toEqual(Array(20).fill(10));
});

test("a receiver that fails four times in a row is left alone for fifteen seconds, and the others are not", async () => {
  const lanes = new Lanes();
  const [failing, sound] = [receiver(lanes, "failing"), receiver(lanes, "sound")];
  failing.add(20);
  await failing.end(false);
  const then = failing.begun();
  expect(then).toBeLessThan(8);
  await failing.end(false);
  sound.add(1);
  expect([failing.begun(), sound.begun()]).toEqual([then, 1]);
  await vi.advanceTimersByTimeAsync(14_999);
  expect(failing.begun()).toBe(then);
  await vi.advanceTimersByTimeAsync(1);
  expect(failing.begun()).toBeGreaterThan(then);
  for (let round = 0; round < 20; round++) await failing.end(true);
  expect(failing.begun()).toBe(20);
});

test("closing waits for what is under way, and begins nothing more", async () => {
  const lanes = new Lanes();
  const one = receiver(lanes, "one");
  one.add(9);
  let closed = false;
  const closing = lanes.close().then(() => {
    closed = true;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(closed).toBe(false);
  await one.end(true);
  await closing;
  expect(one.begun()).toBe(4);
});
