import type { Clock } from "@org/db-models";

/** A clock that stands until a test moves it; far ahead of the server's, whose TTL monitor takes what is past. */
export class TestClock implements Clock {
  #at = new Date("2096-03-01T12:00:00.000Z").getTime();

  now(): Date {
    return new Date(this.#at);
  }

  advance(milliseconds: number): void {
    this.#at += milliseconds;
  }
}
