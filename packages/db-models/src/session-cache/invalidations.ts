import type { Moment } from "./clocks.js";

/** What an entry is about, such as one session or all of a user: see `subjectOf`. */
export type Subject = string;

/** Opened before a read is sent: whatever is invalidated from then on, the read may not have seen. */
export interface Ticket {
  readonly openedAt: Moment;
  readonly followsEcho: boolean;
  /** Number of the last invalidation before it. */
  readonly after: number;
}

/** Subjects that are remembered; beyond them every open ticket is void. */
const maxRemembered = 10_000;

/** Remembers what was invalidated while reads are under way, so that none of them stores what it should have lost. */
export class Invalidations {
  readonly #numbers = new Map<Subject, number>();
  readonly #open = new Set<Ticket>();
  #last = 0;
  #lastOfAll = 0;

  get open(): number {
    return this.#open.size;
  }

  openTicket(openedAt: Moment, followsEcho: boolean): Ticket {
    const ticket = { openedAt, followsEcho, after: this.#last };
    this.#open.add(ticket);
    return ticket;
  }

  closeTicket(ticket: Ticket): void {
    this.#open.delete(ticket);
    if (this.#open.size === 0) this.#numbers.clear();
  }

  add(subjects: readonly Subject[]): void {
    this.#last += 1;
    if (this.#open.size === 0) return;
    for (const subject of subjects) this.#numbers.set(subject, this.#last);
    if (this.#numbers.size > maxRemembered) this.addAll();
  }

  addAll(): void {
    this.#last += 1;
    this.#lastOfAll = this.#last;
    this.#numbers.clear();
  }

  /** Whether something about one of these subjects was invalidated since the ticket was opened. */
  isDirty(ticket: Ticket, subjects: readonly Subject[]): boolean {
    if (this.#lastOfAll > ticket.after) return true;
    return subjects.some((subject) => (this.#numbers.get(subject) ?? 0) > ticket.after);
  }
}
